// Times and causes, in words.

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const count = new Intl.NumberFormat()

/** when returns a time as the reader's clock has it. */
export const when = (at: string | number | null | undefined): string => (at ? day.format(new Date(at)) : 'never')

const sameYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** brief is when without the year, where it is this one. */
export function brief(at: string | number): string {
  const time = new Date(at)
  return time.getFullYear() === new Date().getFullYear() ? sameYear.format(time) : when(at)
}

export const number = (n: number): string => count.format(n)

/** span returns a length of time in its two largest units, such as "3 h 20 min". */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return pair(minutes, 'min', seconds % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'min')
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

const pair = (large: number, one: string, small: number, other: string) =>
  small ? `${large} ${one} ${small} ${other}` : `${large} ${one}`

const causes: Record<string, string> = {
  login: 'logged in',
  heartbeat: 'a heartbeat came',
  logout: 'logged out',
  timeout: 'no heartbeat came in time',
  left: 'the page was closed',
  idle: 'became idle',
  override: 'an override was set',
  override_cleared: 'the override was cleared',
  override_expired: 'the override ran out',
  erased: 'was erased',
}

/** why returns what a cause means. */
export const why = (cause: string): string => causes[cause] ?? cause
