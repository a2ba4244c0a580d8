import { useMemo, useRef, useState } from 'preact/hooks'
import { type Interval, type Status, statuses } from './types'
import { span, when, why } from './words'

const width = 2000 // of the picture, in its own units
const lane = 26

interface Bar {
  status: Status
  x: number
  wide: number
}

/** Timeline draws intervals, one lane a status. It tells about the one under the pointer, or chosen with the arrow keys. */
export function Timeline({ intervals, from, to }: { intervals: Interval[]; from: number; to: number }) {
  const [chosen, choose] = useState(-1)
  const picture = useRef<HTMLDivElement>(null)
  const place = (at: number) => Math.max(0, Math.min(1, (at - from) / (to - from)))
  const bars = useMemo(() => drawn(intervals, place), [intervals, from, to])
  const ticks = useMemo(() => marks(from, to), [from, to])
  const i = intervals[chosen]
  const middle = i ? (place(Date.parse(i.from)) + place(i.to ? Date.parse(i.to) : to)) / 2 : 0
  const step = (by: number) => choose(Math.max(0, Math.min(intervals.length - 1, chosen < 0 ? intervals.length - 1 : chosen + by)))
  const keys: Record<string, () => void> = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    Home: () => choose(0),
    End: () => choose(intervals.length - 1),
    Escape: () => choose(-1),
  }
  return (
    <figure class="timeline">
      <div class="names" aria-hidden="true">
        {statuses.map((s) => (
          <span key={s}>{s}</span>
        ))}
      </div>
      <div
        class="picture"
        ref={picture}
        tabIndex={0}
        role="application"
        aria-roledescription="timeline"
        aria-label={`${intervals.length} intervals from ${when(from)} to ${when(to)}. Left and right arrow keys go through them.`}
        onKeyDown={(e) => {
          if (!keys[e.key]) return
          e.preventDefault()
          keys[e.key]!()
        }}
        onPointerDown={(e) => choose(under(e, picture.current!, intervals, from, to))}
        onPointerMove={(e) => choose(under(e, picture.current!, intervals, from, to))}
        onPointerLeave={(e) => e.pointerType === 'mouse' && choose(-1)} // a finger has left when it has tapped
        onBlur={() => choose(-1)}
      >
        <svg viewBox={`0 0 ${width} ${lane * statuses.length}`} preserveAspectRatio="none" aria-hidden="true">
          {statuses.map((s, n) => (
            <rect key={s} class="lane" x={0} y={n * lane + 2} width={width} height={lane - 4} />
          ))}
          {ticks.map((t) => (
            <line key={t.at} x1={place(t.at) * width} x2={place(t.at) * width} y1={0} y2={lane * statuses.length} vector-effect="non-scaling-stroke" />
          ))}
          {bars.map((b) => (
            <rect key={`${b.status} ${b.x}`} class={`bar ${b.status}`} x={b.x} y={statuses.indexOf(b.status) * lane + 4} width={b.wide} height={lane - 8} />
          ))}
        </svg>
        {i && <span class="cursor" style={{ left: `${middle * 100}%` }} />}
        {i && (
          <div class={middle > 0.5 ? 'tip left' : 'tip'} style={middle > 0.5 ? { right: `${(1 - middle) * 100}%` } : { left: `${middle * 100}%` }}>
            <b>{i.status}</b> for {span((i.to ? Date.parse(i.to) : to) - Date.parse(i.from))}: {why(i.cause)}
            {i.actor && (
              <>
                {' '}
                (<span class="id">{i.actor}</span>)
              </>
            )}
            <br />
            {when(i.from)} to {i.to ? when(i.to) : 'now'}
          </div>
        )}
      </div>
      <div class="ticks" aria-hidden="true">
        {ticks.filter((t) => place(t.at) > 0.04 && place(t.at) < 0.96).map((t) => (
          <span key={t.at} style={{ left: `${place(t.at) * 100}%` }}>
            {t.name}
          </span>
        ))}
      </div>
      <p class="aside" aria-live="polite">
        {i && `${i.status} for ${span((i.to ? Date.parse(i.to) : to) - Date.parse(i.from))}: ${why(i.cause)}, from ${when(i.from)} to ${i.to ? when(i.to) : 'now'}`}
      </p>
    </figure>
  )
}

// drawn joins what would lie on the same spot, so that the picture stays small however much happened.
function drawn(intervals: Interval[], place: (at: number) => number): Bar[] {
  const bars: Bar[] = []
  const last = new Map<Status, Bar>() // the newest bar of each lane
  for (const i of intervals) {
    const x = Math.min(width - 3, Math.round(place(Date.parse(i.from)) * width))
    const end = Math.max(x + 3, Math.round((i.to ? place(Date.parse(i.to)) : 1) * width))
    const before = last.get(i.status)
    if (before && x <= before.x + before.wide) {
      before.wide = Math.max(before.wide, end - before.x)
      continue
    }
    const bar = { status: i.status, x, wide: end - x }
    bars.push(bar)
    last.set(i.status, bar)
  }
  return bars
}

// under finds the interval at the pointer, or, as short ones are hard to hit, the nearest within a few pixels in its lane.
function under(e: PointerEvent, picture: HTMLElement, intervals: Interval[], from: number, to: number): number {
  const box = picture.getBoundingClientRect()
  const at = (x: number) => from + ((x - box.left) / box.width) * (to - from)
  const status = statuses[Math.floor(((e.clientY - box.top) / box.height) * statuses.length)]
  const [early, late, here] = [at(e.clientX - 4), at(e.clientX + 4), at(e.clientX)]
  let found = -1
  for (const [n, i] of intervals.entries()) {
    const [a, b] = [Date.parse(i.from), i.to ? Date.parse(i.to) : to]
    if (i.status === status && a <= late && b >= early) found = n
    else if (found < 0 && a <= here && b > here) found = n
  }
  return found
}

// tens are every ten minutes.
function tens(from: number, to: number): { at: number; name: string }[] {
  const ten = 600_000
  const out: { at: number; name: string }[] = []
  for (let at = Math.ceil(from / ten) * ten; at <= to; at += ten) out.push({ at, name: time.format(at) })
  return out
}

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

// marks are the full hours or days of the axis.
function marks(from: number, to: number): { at: number; name: string }[] {
  const days = (to - from) / 86_400_000
  if (days < 1) return tens(from, to)
  const hours = days <= 1 ? 4 : days <= 7 ? 24 : 24 * 5
  const at = new Date(from)
  at.setMinutes(0, 0, 0)
  if (days > 1) at.setHours(0)
  const out: { at: number; name: string }[] = []
  while (at.getTime() <= to) {
    if (at.getTime() >= from && (days > 1 || at.getHours() % hours === 0)) {
      const name = days <= 1 ? time.format(at) : at.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
      out.push({ at: at.getTime(), name })
    }
    at.setHours(at.getHours() + (days <= 1 ? 1 : hours))
  }
  return out
}
