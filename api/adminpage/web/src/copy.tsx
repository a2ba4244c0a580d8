import { signal } from '@preact/signals'

/** spoken is what a screen reader says next, and what is shown for a moment. */
export const spoken = signal('')

let silence: ReturnType<typeof setTimeout> | undefined

export function say(words: string): void {
  spoken.value = words
  clearTimeout(silence)
  silence = setTimeout(() => (spoken.value = ''), 4000)
}

/** copy puts a command on the clipboard. */
export async function copy(command: string): Promise<void> {
  try {
    await (navigator.clipboard ? navigator.clipboard.writeText(command) : Promise.reject(new Error()))
    say('Copied. The command takes the token from ROLLCALL_TOKEN.')
  } catch {
    say(copyBySelection(command) ? 'Copied. The command takes the token from ROLLCALL_TOKEN.' : 'The browser does not let the page copy.')
  }
}

// copyBySelection is for pages served without TLS, which have no clipboard of the modern kind.
function copyBySelection(command: string): boolean {
  const area = document.createElement('textarea')
  const before = document.activeElement as HTMLElement | null
  area.value = command
  area.className = 'aside'
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  before?.focus()
  return done
}

/** Copy is the button that a row offers. of says, for who cannot see the row, which one it is. */
export function Copy({ command, of, tab }: { command: string; of: string; tab?: number }) {
  return (
    <button
      type="button"
      class="copy"
      tabIndex={tab}
      title={command}
      aria-label={`Copy as curl: ${of}`}
      onClick={(e) => {
        e.stopPropagation()
        void copy(command)
      }}
    >
      curl
    </button>
  )
}
