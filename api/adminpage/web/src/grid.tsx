import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { now } from './clock'
import { Copy, copy } from './copy'
import { curl } from './curl'
import { version, type Person } from './people'
import { go, to } from './route'
import { number, span, when } from './words'

const height = 40 // of a row, in pixels, as the style sheet has it
const around = 6 // rows that are drawn beyond what is seen

const path = (user: string) => `v1/users/${encodeURIComponent(user)}`

/**
 * Grid shows rows, however many: only those that are seen are in the document. total is how many there are, if not all
 * of them have been fetched: onEnd asks for more.
 */
export function Grid({ rows, total, empty, onEnd }: { rows: Person[]; total: number; empty: string; onEnd: () => void }) {
  void version.value
  const body = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState({ top: 0, fits: 20 })
  const [active, setActive] = useState('')
  const look = () => {
    const b = body.current!
    setSeen({ top: b.scrollTop, fits: Math.max(1, Math.floor(b.clientHeight / height)) })
  }
  useLayoutEffect(() => {
    const size = new ResizeObserver(look)
    size.observe(body.current!)
    return () => size.disconnect()
  }, [])
  const first = Math.max(0, Math.min(Math.floor(seen.top / height), rows.length - 1))
  const last = Math.min(rows.length, first + seen.fits + 1)
  const from = Math.max(0, first - around)
  const drawn = rows.slice(from, last + around)
  useEffect(() => {
    if (rows.length && last === rows.length) onEnd()
  }, [last, rows.length])
  const at = () => rows.findIndex((p) => p.user === active)
  const move = (n: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, n))
    const row = rows[index]
    if (!row) return
    setActive(row.user)
    const b = body.current!
    if (index * height < b.scrollTop) b.scrollTop = index * height
    else if ((index + 1) * height > b.scrollTop + b.clientHeight) b.scrollTop = (index + 1) * height - b.clientHeight
  }
  const page = (by: number) => (body.current!.scrollTop += by * seen.fits * height)
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(at() < 0 ? first : at() + 1),
    ArrowUp: () => move(at() < 0 ? first : at() - 1),
    PageDown: () => move(Math.max(at(), first) + seen.fits),
    PageUp: () => move((at() < 0 ? first : at()) - seen.fits),
    Home: () => move(0),
    End: () => move(rows.length - 1),
    Enter: () => active && go('user', active),
    c: () => active && void copy(curl(path(active))),
  }
  const activeShown = drawn.some((p) => p.user === active)
  return (
    <>
      {!rows.length && <p class="empty nobody">{empty}</p>}
      <div
        class="grid"
        role="grid"
        aria-label="Users"
        aria-describedby="grid-keys"
        aria-rowcount={rows.length + 1}
        tabIndex={0}
        aria-activedescendant={activeShown ? `row-${at()}` : undefined}
        onKeyDown={(e) => {
          const act = keys[e.key]
          if (!act || e.target !== e.currentTarget || e.ctrlKey || e.metaKey || e.altKey) return
          e.preventDefault()
          act()
        }}
      >
        <div role="rowgroup">
          <div class="row head" role="row" aria-rowindex={1}>
            <span role="columnheader">User</span>
            <span role="columnheader">Status</span>
            <span role="columnheader">Since</span>
            <span role="columnheader" class="end">
              Copy
            </span>
          </div>
        </div>
        <div class="rows" role="rowgroup" ref={body} onScroll={look} tabIndex={-1}>
          <div class="all" role="presentation" style={{ height: `${rows.length * height}px` }}>
            {drawn.map((p, n) => (
              <Row key={p.user} user={p.user} status={p.status} observed={p.observed} since={p.since} index={from + n} active={p.user === active} />
            ))}
          </div>
        </div>
      </div>
      <div class="pages">
        <button type="button" onClick={() => page(-1)} disabled={first === 0}>
          Previous page
        </button>
        <span class="quiet">{rows.length ? `${number(first + 1)} to ${number(Math.min(rows.length, first + seen.fits))} of ${number(rows.length)}${total > rows.length ? ` fetched, ${number(total)} in all` : ''}` : 'None'}</span>
        <button type="button" onClick={() => page(1)} disabled={last >= rows.length}>
          Next page
        </button>
        <span class="quiet keys" id="grid-keys">
          Arrow keys choose a row, Enter opens it, c copies it as curl; / searches.
        </span>
      </div>
    </>
  )
}

// Row takes what it shows apart, as a person changes in place and a row is drawn anew only when what it is given differs.
function Row({ user, status, observed, since, index, active }: Omit<Person, 'key'> & { index: number; active: boolean }) {
  return (
    <div
      class={active ? 'row active' : 'row'}
      role="row"
      id={`row-${index}`}
      aria-rowindex={index + 2}
      aria-selected={active}
      style={{ transform: `translateY(${index * height}px)` }}
      onClick={() => go('user', user)}
    >
      <span role="gridcell" class="id">
        <a href={to('user', user)} tabIndex={-1} onClick={(e) => e.stopPropagation()}>
          {user}
        </a>
      </span>
      <span role="gridcell">
        <Badge status={status} />
        {status !== observed && <small class="quiet"> seen {observed}</small>}
      </span>
      <span role="gridcell" title={when(since)}>
        {span(now.value - since)}
      </span>
      <span role="gridcell" class="end">
        <Copy command={curl(path(user))} of={user} tab={-1} />
      </span>
    </div>
  )
}

/** Badge shows a status, in a colour and in a word. */
export function Badge({ status }: { status: string }) {
  return <span class={`badge ${status}`}>{status}</span>
}
