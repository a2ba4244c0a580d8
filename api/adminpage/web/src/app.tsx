import { useEffect, useRef, useState } from 'preact/hooks'
import { useAsked } from './asked'
import { Audit } from './audit'
import { call } from './call'
import { Concurrency } from './concurrency'
import { Copy, spoken } from './copy'
import { curl } from './curl'
import { Health } from './health'
import { List } from './list'
import { count, link, renew, version, watch } from './people'
import { route, to } from './route'
import { Linked, SignIn } from './signinform'
import { phase, signOut, type Role } from './signin'
import { total } from './total'
import type { Stats } from './types'
import { UserView } from './user'
import { number, when } from './words'

/** App is the whole page. */
export function App() {
  const p = phase.value
  return (
    <>
      {p.at === 'asking' && <p class="waiting">Asking the service…</p>}
      {p.at === 'out' && <SignIn says={p.says} />}
      {p.at === 'linked' && <Linked token={p.token} />}
      {p.at === 'in' && <Inside />}
      <p class="spoken" role="status" aria-live="polite" data-shown={spoken.value ? '' : undefined}>
        {spoken.value}
      </p>
    </>
  )
}

const views = [
  ['users', 'Users', 'reader'],
  ['concurrency', 'Concurrency', 'admin'],
  ['audit', 'Audit', 'admin'],
  ['health', 'Health', 'user'],
] as const

const ranks: Role[] = ['user', 'reader', 'admin']

// mine are the views that a role may see. A user's first one is himself.
function mine(role: Role): [string, string][] {
  const all = views.filter(([v, , least]) => v === 'users' || ranks.indexOf(role) >= ranks.indexOf(least))
  return all.map(([v, name]) => [v, v === 'users' && role === 'user' ? 'You' : name])
}

function Inside() {
  const p = phase.value
  const reads = p.at === 'in' && p.role !== 'user'
  useEffect(() => (reads ? watch() : undefined), [reads])
  // Asked all the time, so that the page notices the end of its session even where nothing happens.
  const stats = useAsked(() => call<Partial<Stats>>('GET', reads ? 'v1/stats' : 'v1/me', undefined, {}, patience), [reads], 5000, link.value === 'live' ? 1 : 0)
  const deaf = stats.code === 'unreachable'
  const before = useRef({ users: 0, deaf })
  const heard = useRef(Date.now()) // when the service answered last
  useEffect(() => {
    // A stream that was open while nothing else got through may be dead without the browser knowing. And the stream does
    // not tell of those who are erased: there are fewer users then.
    const { users = 0 } = stats.answer ?? {}
    if (link.peek() === 'live' && !deaf && (before.current.deaf || users < before.current.users)) renew()
    before.current = { users, deaf }
    if (!deaf) heard.current = Date.now()
    total.value = stats.answer?.users === undefined ? undefined : (stats.answer as Stats)
  }, [stats.answer, deaf])
  const { view, user } = route.value
  useEffect(() => {
    document.title = (view === 'user' ? user : (views.find(([v]) => v === view)?.[1] ?? 'Users')) + ' · Rollcall'
    document.querySelector<HTMLElement>('main h1')?.focus()
  }, [view, user])
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault()
          document.getElementById('main')?.focus()
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={to('users')}>
          Rollcall
        </a>
        <nav aria-label="Views">
          {p.at === 'in' && mine(p.role).map(([v, name]) => (
            <a key={v} href={to(v)} aria-current={view === v || (v === 'users' && view === 'user') ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        {reads && <State lag={stats.answer?.lag_seconds ?? 0} deaf={deaf} />}
        {p.at === 'in' && p.user && <span class="quiet id me">{p.user}</span>}
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </header>
      <Lost deaf={deaf} heard={heard} />
      <main id="main" tabIndex={-1}>
        <View view={view} user={user} />
      </main>
    </>
  )
}

function View({ view, user }: { view: string; user: string }) {
  const p = phase.value
  if (p.at !== 'in') return null
  if (view === 'health') return <Health />
  if (p.role === 'user') return p.known ? <UserView key={p.user} user={p.user} own /> : <Nothing />
  if (view === 'user' && /^\.\.?$/.test(user)) return <Dots user={user} />
  if (view === 'user') return <UserView key={user} user={user} />
  if ((view === 'concurrency' || view === 'audit') && p.role !== 'admin') return <ForAdmins name={view === 'audit' ? 'Audit' : 'Concurrency'} />
  if (view === 'concurrency') return <Concurrency />
  if (view === 'audit') return <Audit />
  return <List />
}

function ForAdmins({ name }: { name: string }) {
  return (
    <>
      <h1 tabIndex={-1}>{name}</h1>
      <p>This is for admins. The token that you signed in with has neither the scope presence:admin nor the claim that makes an admin.</p>
    </>
  )
}

// Dots is a user whom a browser cannot ask for: it takes such a step out of every path, encoded or not.
function Dots({ user }: { user: string }) {
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1} class="id">
          {user}
        </h1>
        <span class="end">
          <Copy command={curl(`v1/users/${user}`)} of={user} />
        </span>
      </div>
      <p>A browser cannot ask for an id that is nothing but dots: they vanish from the address. curl can.</p>
    </>
  )
}

function Nothing() {
  return (
    <>
      <h1 tabIndex={-1}>Nothing to show</h1>
      <p>This token may read its own user only, and the log has never named that user. To see others it needs the scope presence:read.</p>
    </>
  )
}

const patience = 8000 // milliseconds: a service that takes longer for its figures is as good as gone

const links = { connecting: 'connecting', live: 'live', broken: 'not connected' }

// Lost says, as long as it is so, that what is shown is no longer what is. A moment, as of a reload, is not worth a word.
function Lost({ deaf, heard }: { deaf: boolean; heard: { current: number } }) {
  const p = phase.value
  const lost = deaf || (link.value === 'broken' && p.at === 'in' && p.role !== 'user')
  const [since, set] = useState(0)
  useEffect(() => {
    if (!lost) return set(0)
    const timer = setTimeout(() => set(heard.current), 1000)
    return () => clearTimeout(timer)
  }, [lost])
  return (
    <p role="status" class={since ? 'lost' : ''}>
      {since > 0 && `The service does not answer. What you see is as it was at ${when(since)}; the page goes on by itself.`}
    </p>
  )
}

// State says whether what is shown is live.
function State({ lag, deaf }: { lag: number; deaf: boolean }) {
  void version.value
  const now = deaf ? 'broken' : link.value
  return (
    <span class={`link ${now}`}>
      {now !== 'broken' && (
        <>
          <b>{number(count.online)}</b> online ·{' '}
        </>
      )}
      {links[now]}
      {lag >= 1 && `, ${Math.round(lag)} s behind the log`}
    </span>
  )
}
