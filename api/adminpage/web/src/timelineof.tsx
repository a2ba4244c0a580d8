import { useAsked } from './asked'
import { call, parameters } from './call'
import { Copy } from './copy'
import { curl } from './curl'
import { days, nameOf, start, type Days } from './period'
import { Timeline } from './timeline'
import type { History, Interval } from './types'
import { Time } from './time'
import { span, when, why } from './words'

const most = 20 // pages of 1000

interface Past {
  from: number
  to: number
  intervals: Interval[]
  online: number
  complete: boolean
  more: boolean
}

async function past(path: string, days: Days, least: number): Promise<Past> {
  const to = Date.now()
  const from = start(days, to)
  const out: Past = { from, to, intervals: [], online: 0, complete: true, more: false }
  let cursor: string | undefined
  for (let n = 0; n < most; n++) {
    const query = parameters({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), limit: 1000, cursor, min_seq: least })
    const page = await call<History>('GET', `${path}/history${query}`)
    out.intervals.push(...page.intervals)
    out.online = page.online_seconds
    out.complete = page.complete
    cursor = page.next
    if (!cursor) return out
  }
  return { ...out, more: true }
}

/** TimelineOf fetches what a user has been, and draws it. */
export function TimelineOf({ path, least }: { path: string; least: number }) {
  const range = days.value
  const { answer: p, failure } = useAsked(() => past(path, range, least), [path, range], range ? 60_000 : 10_000, least)
  if (!p) return failure ? <p class="failure">{failure}</p> : <div class="timeline waiting">Reading the history…</div>
  return (
    <>
      {failure && <p class="failure">{failure}</p>}
      <Timeline intervals={p.intervals} from={p.from} to={p.to} />
      <p class="quiet">
        {p.intervals.length === 0 && 'Nothing is known of this time. '}Online for {span(p.online * 1000)} of the last {nameOf(range)}.
        {!p.complete && ' What is older than the service keeps is not shown.'}
        {p.more && ` Only the first ${p.intervals.length} intervals are shown.`}
      </p>
      <Table of={p.intervals} path={path} />
    </>
  )
}

function Table({ of: intervals, path }: { of: Interval[]; path: string }) {
  const rows = intervals.slice(-200).reverse()
  return (
    <details>
      <summary>The intervals as a table{intervals.length > rows.length ? ` (the last ${rows.length})` : ''}</summary>
      <div class="wide" tabIndex={0} role="region" aria-label="Intervals">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Because</th>
              <th scope="col">By</th>
              <th scope="col">Copy</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((i) => (
              <tr key={`${i.seq} ${i.from}`}>
                <td class="lead">{i.status}</td>
                <td class="time">
                  <Time at={i.from} />
                </td>
                <td class="time" data-name="to">
                  {i.to ? <Time at={i.to} /> : 'now'}
                </td>
                <td class="details">{why(i.cause)}</td>
                <td class="id" data-name="by">
                  {i.actor}
                </td>
                <td class="end">
                  <Copy command={curl(`${path}/history${parameters({ from: i.from, to: i.to ?? undefined })}`)} of={`${i.status} from ${when(i.from)}`} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
