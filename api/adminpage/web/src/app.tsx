import { useEffect } from 'preact/hooks'
import { useAsked } from './asked'
import { Audit } from './audit'
import { call } from './call'
import { Concurrency } from './concurrency'
import { spoken } from './copy'
import { Health } from './health'
import { List } from './list'
import { count, link, version, watch } from './people'
import { route, to } from './route'
import { SignIn } from './signinform'
import { phase, signOut } from './signin'
import type { Stats } from './types'
import { UserView } from './user'
import { number } from './words'

/** App is the whole page. */
export function App() {
  const p = phase.value
  return (
    <>
      {p.at === 'asking' && <p class="waiting">Asking the service…</p>}
      {p.at === 'out' && <SignIn says={p.says} />}
      {p.at === 'in' && <Inside />}
      <p class="spoken" role="status" aria-live="polite" data-shown={spoken.value ? '' : undefined}>
        {spoken.value}
      </p>
    </>
  )
}

const views = [
  ['users', 'Users'],
  ['concurrency', 'Concurrency'],
  ['audit', 'Audit'],
  ['health', 'Health'],
] as const

function Inside() {
  const p = phase.value
  const reads = p.at === 'in' && p.role !== 'user'
  useEffect(() => (reads ? watch() : undefined), [reads])
  // Asked all the time, so that the page notices the end of its session even where nothing happens.
  const stats = useAsked(() => call<Partial<Stats>>('GET', reads ? 'v1/stats' : 'v1/me'), [reads], 5000)
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
          {views.map(([v, name]) => (
            <a key={v} href={to(v)} aria-current={view === v || (v === 'users' && view === 'user') ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        {reads && <State lag={stats.answer?.lag_seconds ?? 0} />}
        {p.at === 'in' && p.user && <span class="quiet id">{p.user}</span>}
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </header>
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

function Nothing() {
  return (
    <>
      <h1 tabIndex={-1}>Nothing to show</h1>
      <p>This token may read its own user only, and the log has never named that user. To see others it needs the scope presence:read.</p>
    </>
  )
}

const links = { connecting: 'connecting', live: 'live', broken: 'not connected, trying again' }

// State says whether what is shown is live.
function State({ lag }: { lag: number }) {
  void version.value
  return (
    <span class={`link ${link.value}`}>
      <b>{number(count.online)}</b> online · {links[link.value]}
      {lag >= 1 && `, ${Math.round(lag)} s behind the log`}
    </span>
  )
}
