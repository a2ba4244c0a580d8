import { brief, when } from './words'

/** Time is a moment on the reader's clock, with the whole of it for the pointer. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={`${when(at)} (${at})`}>
      {brief(at)}
    </time>
  )
}
