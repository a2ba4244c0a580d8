// Who is there, kept up to date by the live stream.

import { signal } from '@preact/signals'
import { address, call } from './call'
import type { Change, Presence, Status } from './types'

/** Person is what the list shows of a user. */
export interface Person {
  user: string
  key: string // what a search looks in
  status: Status
  observed: Status
  since: number
}

/** Link is how the page stands with the live stream. */
export type Link = 'connecting' | 'live' | 'broken'

export const link = signal<Link>('connecting')

/** version rises, at most once a frame, when people has changed. */
export const version = signal(0)

/** people holds all who are not offline, and those who went offline since the page was opened. */
export const people = new Map<string, Person>() // user id → person

/** count is how many people have a status. */
export const count: Record<Status, number> = { online: 0, away: 0, busy: 0, offline: 0 }

// Users in the order of their ids, and those who have come since. One who goes offline stays, as such.
let ordered: Person[] = []
let come: Person[] = []

/** inOrder returns everybody in people, by user id. */
export function inOrder(): Person[] {
  if (come.length) ordered = merged(ordered, come.sort(byId))
  come = []
  return ordered
}

// merged is for one newcomer among 100,000: to sort them all again would take longer than a frame.
function merged(a: Person[], b: Person[]): Person[] {
  const all: Person[] = []
  let n = 0
  for (const p of a) {
    for (let q = b[n]; q && byId(q, p) < 0; q = b[++n]) all.push(q)
    all.push(p)
  }
  return all.concat(b.slice(n))
}

export const byId = (a: { user: string }, b: { user: string }): number => (a.user < b.user ? -1 : a.user > b.user ? 1 : 0)

/** personOf makes a row of what the service says of a user. */
export function personOf(p: { user: string; status: Status; observed: Status; since: string }): Person {
  return { user: p.user, key: p.user.toLowerCase(), status: p.status, observed: p.observed, since: Date.parse(p.since) }
}

function put(p: Person): void {
  const before = people.get(p.user)
  if (before) {
    count[before.status]--
    Object.assign(before, p)
  } else {
    people.set(p.user, p)
    come.push(p)
  }
  count[p.status]++
  changed()
}

/** forget drops a user whom the service no longer knows. */
export function forget(user: string): void {
  const p = people.get(user)
  if (!p) return
  people.delete(user)
  count[p.status]--
  ordered = inOrder().filter((o) => o !== p)
  changed()
}

function clear(): void {
  people.clear()
  generation.value++
  for (const s of Object.keys(count) as Status[]) count[s] = 0
  ordered = []
  come = []
  changed()
}

let due: ReturnType<typeof setTimeout> | undefined
let told = -Infinity // when version last rose, by performance.now()

// changed announces a change with the next frame, or after a quarter of a second where none comes, as in a window that
// another one covers. With very many people it does so only after a quarter of a second without: each time all of them
// are looked through.
function changed(): void {
  if (due !== undefined) return
  const mine = setTimeout(tell, 250)
  due = mine
  if (people.size <= 10_000 || performance.now() - told >= 250) requestAnimationFrame(() => due === mine && tell())
}

function tell(): void {
  clearTimeout(due)
  due = undefined
  told = performance.now()
  version.value++
}

const listeners = new Set<(c: Change) => void>()

/** onChange calls act with each change, until the returned function is called. */
export function onChange(act: (c: Change) => void): () => void {
  listeners.add(act)
  return () => listeners.delete(act)
}

/** generation rises when everybody is told anew: whoever is no longer told of is offline, or erased. */
export const generation = signal(0)

let again = () => {}

/** renew opens the stream again, from its beginning: it may be dead, or be silent about those who were erased. */
export const renew = (): void => again()

/** watch follows the stream until the returned function is called. A stream that ends is opened again. */
export function watch(): () => void {
  let source: EventSource
  let retry: ReturnType<typeof setTimeout> | undefined
  const open = () => {
    let fresh = true // the next snapshot message is the first of its snapshot
    let placed = false // a whole snapshot has come: the browser resumes behind it
    let gathered: Presence[] | undefined = people.size ? [] : undefined // takes the place of what is shown when it is whole
    source = new EventSource(address('v1/stream'))
    source.addEventListener('open', () => {
      link.value = 'live'
      if (placed) return
      fresh = true
      gathered &&= []
    })
    source.addEventListener('reset', () => (fresh = true))
    source.addEventListener('snapshot', (e) => {
      const { users } = JSON.parse(e.data) as { users: Presence[] }
      const whole = e.lastEventId !== '' // of a snapshot only the last message has an id
      gathered?.push(...users)
      if (gathered && !whole) return
      if (fresh) clear()
      fresh = false
      placed ||= whole
      for (const p of gathered ?? users) put(personOf(p))
      gathered = undefined
      changed()
    })
    source.addEventListener('status', (e) => {
      const c = JSON.parse(e.data) as Change
      put(personOf(c))
      for (const act of listeners) act(c)
    })
    source.onerror = () => {
      link.value = 'broken'
      if (source.readyState !== EventSource.CLOSED) return // the browser tries again by itself
      call('GET', 'v1/stats').catch(() => {}) // finds out whether the session has ended
      retry = setTimeout(open, 3000)
    }
  }
  again = () => {
    clearTimeout(retry)
    source.close()
    open()
  }
  clear()
  link.value = 'connecting'
  open()
  return () => {
    again = () => {}
    clearTimeout(retry)
    source.close()
  }
}
