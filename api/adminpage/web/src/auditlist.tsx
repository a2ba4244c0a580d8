import { useState } from 'preact/hooks'
import { before, place, useLog, type Wanted } from './auditlog'
import { parameters } from './call'
import { Copy } from './copy'
import { curl } from './curl'
import { to } from './route'
import type { Logged } from './types'
import { number } from './words'
import { Time } from './time'

const heap = 50 // rows that are shown at first, and more at a time

/** AuditList shows events of the log, of one user or of all, the newest first; heartbeats only where they are asked for. */
export function AuditList({ of, least = 0 }: { of: Wanted; least?: number }) {
  const { read, failure, back } = useLog(of, least)
  const [shown, show] = useState(heap)
  const told = failure && (
    <p role="alert" class="failure">
      {failure}
    </p>
  )
  if (!read) return told || <p class="waiting">Reading the log…</p>
  const { events, below } = read
  if (!events.length) return told || <p class="empty">No events in this time.</p>
  const rows = events.slice(0, shown)
  const all = !below && rows.length === events.length
  const more = () => {
    show(shown + heap)
    if (shown + heap > events.length) back?.()
  }
  return (
    <>
      {told}
      <div class="wide" tabIndex={0} role="region" aria-label="Events">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Seq</th>
              <th scope="col">Time</th>
              <th scope="col">Event</th>
              {!of.user && <th scope="col">User</th>}
              <th scope="col">By</th>
              <th scope="col">Details</th>
              <th scope="col">Copy</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((e) => (
              <Row key={place(e)} of={e} user={of.user} />
            ))}
          </tbody>
        </table>
      </div>
      <div class="pages">
        {!all && (
          <button type="button" onClick={more} disabled={rows.length === events.length && !back}>
            Show older
          </button>
        )}
        <span class="quiet">{all ? `${number(rows.length)} ${rows.length === 1 ? 'event' : 'events'} in this time.` : `The newest ${number(rows.length)}.`}</span>
      </div>
    </>
  )
}

function Row({ of: e, user }: { of: Logged; user: string }) {
  return (
    <tr>
      <td data-name="seq" class="seq">
        {e.nth ? place(e) : e.seq}
      </td>
      <td class="time">{e.at && <Time at={e.at} />}</td>
      <td class="lead">{e.type ?? 'cannot be read'}</td>
      {!user && <td class="id who">{e.user && <a href={to('user', e.user)}>{e.user}</a>}</td>}
      <td class="id" data-name="by">
        {e.actor}
      </td>
      <td class="details">
        <Details of={e} />
      </td>
      <td class="end">
        <Copy command={curl('v1/events' + parameters({ user: user || e.user, type: e.type, after_seq: before(e), limit: 1 }))} of={`event ${place(e)}`} />
      </td>
    </tr>
  )
}

const inColumns = new Set(['seq', 'nth', 'id', 'v', 'type', 'user', 'at', 'actor'])

// Details are the other fields of an event, by the names that they have in the log.
function Details({ of: e }: { of: Logged }) {
  const all = Object.entries(e).filter(([name, value]) => !inColumns.has(name) && value !== null && value !== '' && value !== false)
  return (
    <>
      {all.map(([name, value]) => (
        <span class="detail" key={name}>
          <span class="quiet">{name}</span> {shown(value)}{' '}
        </span>
      ))}
    </>
  )
}

function shown(value: unknown) {
  if (value === true) return 'yes'
  if (typeof value !== 'string') return JSON.stringify(value)
  return /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? <Time at={value} /> : <span class="id">{value}</span>
}
