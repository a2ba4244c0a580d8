import { signal } from '@preact/signals'

/** now is the time, every five seconds. */
export const now = signal(Date.now())

setInterval(() => (now.value = Date.now()), 5000)
