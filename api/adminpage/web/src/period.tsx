import { signal } from '@preact/signals'

/** Days is how far back a view looks. 0 is an hour. */
export type Days = 0 | 1 | 7 | 30

const names: [Days, string][] = [
  [0, '1 hour'],
  [1, '24 hours'],
  [7, '7 days'],
  [30, '30 days'],
]

/** days is how far back the views look. It stays from one view to the next. */
export const days = signal<Days>(1)

/** nameOf is what stands behind "the last". */
export const nameOf = (d: Days): string => (d ? names.find(([n]) => n === d)![1] : 'hour')

/** start is when the last so many days began. */
export const start = (d: Days, end = Date.now()): number => end - (d ? d * 86_400_000 : 3_600_000)

/** Period chooses how far back to look. */
export function Period() {
  return (
    <div class="filters" role="group" aria-label="The last">
      {names.map(([d, name]) => (
        <button key={d} type="button" aria-pressed={d === days.value} onClick={() => (days.value = d)}>
          {name}
        </button>
      ))}
    </div>
  )
}
