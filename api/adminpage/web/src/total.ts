import { signal } from '@preact/signals'
import type { Stats } from './types'

/** total is the service's own count of all its users, a few seconds old at most. */
export const total = signal<Stats | undefined>(undefined)
