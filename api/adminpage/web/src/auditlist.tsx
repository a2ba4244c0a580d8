import { useState } from 'preact/hooks'
import { useAsked } from './asked'
import { call, parameters } from './call'
import { Copy } from './copy'
import { curl } from './curl'
import { start, type Days } from './period'
import { to } from './route'
import type { Logged } from './types'
import { number, when } from './words'

const pages = 5 // of 1000 events
const heap = 50 // rows that are shown at a time

interface Read {
  events: Logged[]
  more: boolean
}

// read reads the log forwards, as it only can be, and returns the newest first.
async function read(user: string, type: string, days: Days, least: number): Promise<Read> {
  const events: Logged[] = []
  let after: number | undefined
  for (let n = 0; n < pages; n++) {
    const query = parameters({ user, type, from: new Date(start(days)).toISOString(), limit: 1000, after_seq: after, min_seq: least })
    const page = await call<{ events: Logged[]; next_after_seq?: number }>('GET', 'v1/events' + query)
    events.push(...page.events)
    after = page.next_after_seq
    if (!after) return { events: events.reverse(), more: false }
  }
  return { events: events.reverse(), more: true }
}

/** AuditList shows events of the log, of one user or of all, the newest first; heartbeats only where they are asked for. */
export function AuditList({ user, type = '', days, least = 0 }: { user: string; type?: string; days: Days; least?: number }) {
  const { answer, failure } = useAsked(() => read(user, type, days, least), [user, type, days], 0, least)
  const [shown, show] = useState(heap)
  if (!answer) return <p class={failure ? 'failure' : 'waiting'}>{failure ?? 'Reading the log…'}</p>
  const { events, more } = answer
  if (!events.length) return <p class="empty">No events.</p>
  return (
    <>
      {more && <p class="failure">There are more: these are the first {number(events.length)} of that time. Look at a shorter time, one user or one type.</p>}
      <div class="wide" tabIndex={0} role="region" aria-label="Events">
        <table>
          <thead>
            <tr>
              <th scope="col">Seq</th>
              <th scope="col">Time</th>
              <th scope="col">Event</th>
              {!user && <th scope="col">User</th>}
              <th scope="col">By</th>
              <th scope="col">Details</th>
              <th scope="col">Copy</th>
            </tr>
          </thead>
          <tbody>
            {events.slice(0, shown).map((e, n) => (
              <tr key={`${e.seq} ${String(e.nth ?? n)}`}>
                <td>{e.seq}</td>
                <td class="time">{e.at ? when(e.at) : ''}</td>
                <td>{e.type ?? 'cannot be read'}</td>
                {!user && <td class="id">{e.user && <a href={to('user', e.user)}>{e.user}</a>}</td>}
                <td class="id">{e.actor}</td>
                <td class="id details">{details(e)}</td>
                <td>
                  <Copy command={curl('v1/events' + parameters({ user: user || e.user, type: e.type, after_seq: e.seq - 1, limit: 1 }))} of={`event ${e.seq}`} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {events.length > shown && (
        <button type="button" onClick={() => show(shown + 4 * heap)}>
          Show more of {number(events.length)}
        </button>
      )}
    </>
  )
}

const inColumns = new Set(['seq', 'id', 'v', 'type', 'user', 'at', 'actor'])

function details(e: Logged): string {
  const all = Object.entries(e).filter(([name, value]) => !inColumns.has(name) && value !== null && value !== '' && value !== false)
  return all.map(([name, value]) => `${name}: ${typeof value === 'string' && /^\d{4}-.*Z$/.test(value) ? when(value) : String(value)}`).join(', ')
}
