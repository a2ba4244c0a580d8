import { signal } from '@preact/signals'
import { Problem, call, parameters, whenExpired, within } from './call'
import { days, start } from './period'
import type { Point, Stats } from './types'

/** Role is what the token lets the page show. */
export type Role = 'admin' | 'reader' | 'user'

/**
 * Phase is how far signing in has come. user is empty where nobody has told who it is; known: the log has named them.
 * linked: a link brings a token, and there is a session already.
 */
export type Phase =
  | { at: 'asking' }
  | { at: 'linked'; token: string }
  | { at: 'out'; says: string }
  | { at: 'in'; role: Role; user: string; known: boolean }

export const phase = signal<Phase>({ at: 'asking' })

const refused = 'The service does not accept this token.'
const ended = 'Your session has ended. Sign in again to go on.'

whenExpired(() => {
  if (phase.peek().at === 'in') phase.value = { at: 'out', says: ended }
})

// A link may be opened in a tab that shows the page already.
addEventListener('hashchange', () => {
  const token = linked()
  if (token) void follow(token)
})

/** begin signs in with the token of a link, once, or goes on with the cookie that is there. */
export async function begin(): Promise<void> {
  const token = linked()
  if (token) return follow(token)
  await goOn()
}

// follow signs in with the token of a link. Whoever made the link may not be who is signed in: that session is not
// replaced without asking.
async function follow(token: string): Promise<void> {
  try {
    await me()
  } catch (err) {
    if (err instanceof Problem && err.status === 401) return signIn(token)
    phase.value = { at: 'out', says: said(err) }
    return
  }
  phase.value = { at: 'linked', token }
}

/** goOn goes on with the cookie that is there. */
export async function goOn(): Promise<void> {
  try {
    await enter()
  } catch (err) {
    phase.value = { at: 'out', says: err instanceof Problem && err.status === 401 ? '' : said(err) }
  }
}

// linked takes the token out of an address such as …/admin/#token=…; what stands behind # is never sent to a server.
function linked(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
  if (token) history.replaceState(null, '', location.pathname + location.search)
  return token
}

// bare is a token without what comes along when it is copied: the word before it, and the ends of a terminal's lines.
const bare = (token: string): string => token.replace(/^\s*bearer\s/i, '').replace(/\s/g, '')

/** signIn exchanges a token for the cookie. */
export async function signIn(text: string): Promise<void> {
  const token = bare(text)
  if (!/^[!-~]+$/.test(token)) {
    phase.value = { at: 'out', says: refused } // no header can carry it
    return
  }
  try {
    const { user } = await call<{ user: string }>('POST', 'v1/session', undefined, { Authorization: `Bearer ${token}`, ...within })
    await enter(user)
  } catch (err) {
    phase.value = { at: 'out', says: refusal(err) }
  }
}

/** signOut drops the cookie. */
export async function signOut(): Promise<void> {
  try {
    await call('DELETE', 'v1/session', undefined, within)
    phase.value = { at: 'out', says: 'You are signed out.' }
  } catch (err) {
    phase.value = { at: 'out', says: `${said(err)} The session may still be there: close the browser, or sign out again.` }
  }
}

function refusal(err: unknown): string {
  if (!(err instanceof Problem)) return said(err)
  if (err.code === 'expired_token') return 'This token has expired. Get a new one and sign in again.'
  if (err.status === 401) return refused
  return err.message
}

const said = (err: unknown): string => (err instanceof Error ? err.message : String(err))

// enter finds out what the session may do, by asking for it.
async function enter(as = ''): Promise<void> {
  const now = Date.now()
  const past = 'v1/stats/concurrency' + parameters({ step: '1h', from: new Date(start(1, now)).toISOString() })
  const lately = call<{ points: Point[] }>('GET', past)
  const [reads, audits] = await Promise.all([may(call<Stats>('GET', 'v1/stats')), may(lately)])
  lately.then(({ points }) => young(points, start(0, now)) && (days.value = 0), () => {})
  const named = await me()
  phase.value = { at: 'in', role: audits ? 'admin' : reads ? 'reader' : 'user', user: as || named, known: named !== '' }
}

// young tells whether everything happened since then: a picture of a day would be empty.
const young = (points: Point[], since: number): boolean =>
  points.some((p) => p.peak > 0) && points.every((p) => p.peak === 0 || Date.parse(p.at) >= since)

// may tells whether a call was allowed, whatever else became of it.
async function may(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked
  } catch (err) {
    if (!(err instanceof Problem) || err.status === 401 || err.status === 0) throw err
    return err.status !== 403
  }
  return true
}

// me is the user of the token where the log knows him.
async function me(): Promise<string> {
  try {
    return (await call<{ user: string }>('GET', 'v1/me')).user
  } catch (err) {
    if (err instanceof Problem && err.status !== 401) return ''
    throw err
  }
}
