import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { call, parameters } from './call'
import { say } from './copy'
import { Grid } from './grid'
import { byId, count, generation, inOrder, link, people, personOf, version, type Person } from './people'
import { go } from './route'
import { total } from './total'
import { type Presence, statuses } from './types'
import { number } from './words'

type Filter = 'present' | (typeof statuses)[number]

const empty: Record<Filter, string> = {
  present: 'Nobody is here. A user appears with his first login or heartbeat.',
  online: 'Nobody is online.',
  away: 'Nobody is away.',
  busy: 'Nobody is busy.',
  offline: 'Nobody is offline.',
}

const filter = signal<Filter>('present')
const search = signal('')

// Those who are offline are not on the stream: they are fetched a page at a time.
const absent = signal<{ users: Person[]; next: string; total: number; busy: boolean; failure: string }>({
  users: [], next: '', total: 0, busy: false, failure: '',
})

async function more(begin: boolean): Promise<void> {
  const before = begin ? { users: [], next: '', total: 0 } : absent.peek()
  if (absent.peek().busy || (!begin && !before.next)) return
  absent.value = { ...before, busy: true, failure: '' }
  try {
    const query = parameters({ status: 'offline', limit: 1000, cursor: before.next })
    const page = await call<{ users: Presence[]; total: number; next?: string }>('GET', 'v1/users' + query)
    absent.value = { users: [...before.users, ...page.users.map(personOf)], next: page.next ?? '', total: page.total, busy: false, failure: '' }
  } catch (err) {
    absent.value = { ...before, busy: false, failure: err instanceof Error ? err.message : String(err) }
  }
}

// shown returns the rows that the filter and the search leave.
function shown(by: Filter, words: string): Person[] {
  const key = words.trim().toLowerCase()
  const all = by === 'offline' ? offline() : inOrder()
  return all.filter((p) => (by === 'present' ? p.status !== 'offline' : p.status === by) && p.key.includes(key))
}

// offline is what was fetched, and who went offline since; the stream knows better who of them is back.
function offline(): Person[] {
  const fetched = new Map(absent.value.users.map((p) => [p.user, people.get(p.user) ?? p]))
  for (const p of people.values()) if (p.status === 'offline') fetched.set(p.user, p)
  return [...fetched.values()].sort(byId)
}

/** List is everybody who is there, live. */
export function List() {
  const by = filter.value
  const words = search.value
  useEffect(() => {
    if (by === 'offline') void more(true)
  }, [by, generation.value])
  const { busy, next, failure, users, total: all } = absent.value
  useEffect(() => {
    if (by === 'offline' && words && next && !busy && !failure) void more(false) // a search is of all of them
  }, [by, words, busy])
  const rows = useMemo(() => shown(by, words), [by, words, version.value, absent.value])
  useEffect(focusOnSlash, [])
  return (
    <>
      <h1 tabIndex={-1}>Users</h1>
      <Find rows={rows} />
      <Filters offline={by === 'offline' && !next && !words && !busy && !failure ? rows.length : total.value?.offline} />
      {failure && by === 'offline' && <p class="failure">{failure}</p>}
      <Grid
        rows={rows}
        total={by === 'offline' && next && !words ? Math.max(all, users.length) : 0}
        onEnd={() => by === 'offline' && void more(false)}
        empty={link.value === 'connecting' || (by === 'offline' && busy) ? 'Asking the service…' : words ? `Nobody here whose id contains “${words}”. Enter looks the id up on the server.` : empty[by]}
      />
    </>
  )
}

function Find({ rows }: { rows: Person[] }) {
  return (
    <form class="find" role="search" onSubmit={(e) => (e.preventDefault(), void open(search.peek().trim(), rows))}>
      <label for="search" class="aside">
        Search by id
      </label>
      <input
        id="search"
        placeholder="Search by id"
        type="search"
        autocomplete="off"
        spellcheck={false}
        value={search.value}
        aria-keyshortcuts="/"
        onInput={(e) => (search.value = e.currentTarget.value)}
      />
      <button type="submit">Open</button>
    </form>
  )
}

// open shows the user of an id, else the only row there is.
async function open(id: string, rows: Person[]): Promise<void> {
  if (!id) return
  try {
    await call('GET', `v1/users/${encodeURIComponent(id)}`)
    go('user', id)
  } catch (err) {
    if (rows.length === 1 && rows[0]) return go('user', rows[0].user)
    say(err instanceof Error ? err.message : String(err))
  }
}

function Filters({ offline }: { offline?: number }) {
  void version.value
  const names: [Filter, string, number | undefined][] = [
    ['present', 'Not offline', count.online + count.away + count.busy],
    ['online', 'Online', count.online],
    ['away', 'Away', count.away],
    ['busy', 'Busy', count.busy],
    ['offline', 'Offline', offline],
  ]
  return (
    <div class="filters" role="group" aria-label="Show">
      {names.map(([f, name, n]) => (
        <button key={f} type="button" aria-pressed={filter.value === f} onClick={() => (filter.value = f)}>
          {name} {n !== undefined && <span class="n">{number(n)}</span>}
        </button>
      ))}
    </div>
  )
}

function focusOnSlash(): () => void {
  const key = (e: KeyboardEvent) => {
    if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || (e.target as Element).closest('input, select, textarea')) return
    e.preventDefault()
    document.getElementById('search')?.focus()
  }
  addEventListener('keydown', key)
  return () => removeEventListener('keydown', key)
}
