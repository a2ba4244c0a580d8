// The audit, read from its end. The service gives it forwards only: what lies further back is read in stretches of
// sequences, each as long as what was found so far suggests.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { call, parameters } from './call'
import type { Logged, Stats } from './types'

/** Wanted is what events are wanted; from is in milliseconds. */
export interface Wanted {
  user: string
  type: string
  from: number
}

/** Read is what has been read: all events after the commit below, the newest first. */
export interface Read {
  events: Logged[]
  below: number // a sequence; 0: there is nothing further back
  first: number // no event lies further back than this sequence
  stretch: number // how many sequences to look through next
}

interface Page {
  events: Logged[]
  next_after_seq?: string // a place, such as 1234.17
}

const most = 1000 // events of a page
const heap = 200 // events that one step back is to find
const pages = 5 // of one stretch: where there are more the stretch was too long

/** place is where an event is in the log, as after_seq takes it. */
export const place = (e: Logged): string => `${e.seq}.${e.nth ?? 0}`

/** before is the place before an event. */
export const before = (e: Logged): string => (e.nth ? `${e.seq}.${e.nth - 1}` : String(e.seq - 1))

// seqOf is the sequence of a place.
const seqOf = (place: string): number => parseInt(place, 10)

const page = (of: Wanted, more: Record<string, number | string | undefined>): Promise<Page> =>
  call<Page>('GET', 'v1/events' + parameters({ user: of.user, type: of.type, from: new Date(of.from).toISOString(), ...more }))

/** newest reads the newest events, in a view that has reached the sequence least. */
export async function newest(of: Wanted, least: number): Promise<Read> {
  const { events, next_after_seq: more } = await page(of, { limit: most, min_seq: least })
  if (!more) return { events: events.reverse(), below: 0, first: 0, stretch: 0 }
  const first = events[0]!.seq
  const { seq: end } = await call<Stats>('GET', 'v1/stats')
  const upTo = seqOf(more)
  const dense = events.length / (upTo - first + 1)
  return older(of, { events: [], below: Math.max(end, upTo), first, stretch: Math.max(1, Math.round(heap / dense)) }, true)
}

/** older reads on, further back. open: what has come after below counts too. */
export async function older(of: Wanted, read: Read, open = false): Promise<Read> {
  let { events, below, stretch } = read
  const found: Logged[] = []
  while (found.length < heap && below >= read.first) {
    const after = Math.max(0, below - stretch, read.first - 1)
    const last = open && below === read.below ? Infinity : below
    const got = await between(of, after, last)
    if (!got && stretch > 1) {
      stretch = Math.max(1, Math.floor(stretch / 8))
      continue
    }
    found.push(...(got ?? (await between(of, after, last, Infinity))!).reverse())
    below = after
    stretch = Math.ceil(stretch * Math.min(8, Math.max(0.25, heap / (got?.length || 1))))
  }
  return { ...read, events: [...events, ...found], below: below < read.first ? 0 : below, stretch }
}

/** newer reads what has come since. */
export async function newer(of: Wanted, read: Read, least: number): Promise<Read> {
  const top = read.events[0]
  if (!top) return newest(of, least)
  const got = await page(of, { after_seq: place(top), limit: most, min_seq: least })
  return got.next_after_seq ? newest(of, least) : { ...read, events: [...got.events.reverse(), ...read.events] }
}

// between returns the events after one commit and up to the end of another, or nothing where they are more than so many pages.
async function between(of: Wanted, after: number, last: number, atMost = pages): Promise<Logged[] | undefined> {
  const found: Logged[] = []
  let from = String(after)
  for (let n = 0; n < atMost; n++) {
    const { events, next_after_seq: next } = await page(of, { after_seq: from, limit: heap + heap / 2 })
    for (const e of events) if (e.seq <= last) found.push(e)
    if (!next || seqOf(next) > last) return found
    from = next
  }
  return undefined
}

/** Log is the audit as a view shows it. back reads further back; it is left out while the log is read, and at its beginning. */
export interface Log {
  read?: Read
  failure: string
  back?: () => void
}

/** useLog reads the audit when what is wanted differs, and what is new when least rises. */
export function useLog(of: Wanted, least: number): Log {
  const wanted = useMemo(() => of, [of.user, of.type, of.from])
  const [state, set] = useState<{ of: Wanted; read?: Read; failure: string; busy: boolean }>({ of: wanted, failure: '', busy: true })
  const last = useRef({ of: wanted, read: undefined as Read | undefined, done: Promise.resolve() })
  // Steps are taken one after another: each goes on from what the one before has read.
  const step = (take: (r?: Read) => Promise<Read>) => {
    if (last.current.of !== wanted) last.current = { of: wanted, read: undefined, done: Promise.resolve() }
    const mine = last.current
    mine.done = mine.done.then(async () => {
      if (mine !== last.current) return
      set({ of: wanted, read: mine.read, failure: '', busy: true })
      let failure = ''
      try {
        mine.read = await take(mine.read)
      } catch (err) {
        failure = err instanceof Error ? err.message : String(err)
      }
      if (mine === last.current) set({ of: wanted, read: mine.read, failure, busy: false })
    })
  }
  useEffect(() => step((r) => (r ? newer(wanted, r, least) : newest(wanted, least))), [wanted, least])
  if (state.of !== wanted) return { failure: '' }
  const { read, failure, busy } = state
  return { read, failure, ...(read?.below && !busy && { back: () => step((r) => older(wanted, r!)) }) }
}
