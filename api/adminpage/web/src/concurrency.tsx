import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useAsked } from './asked'
import { call, parameters } from './call'
import { Copy } from './copy'
import { curl } from './curl'
import { days, nameOf, Period, start, type Days } from './period'
import { Time } from './time'
import type { Point, Stats } from './types'
import { number, when } from './words'

const steps: Record<Days, [string, number]> = { 0: ['30s', 30_000], 1: ['5m', 300_000], 7: ['30m', 1_800_000], 30: ['2h', 7_200_000] }

// pathOf asks for whole steps of the clock, so that the figures of a step do not differ from one asking to the next.
function pathOf(range: Days): string {
  const [step, length] = steps[range]
  return 'v1/stats/concurrency' + parameters({ from: new Date(Math.ceil(start(range) / length) * length).toISOString(), step })
}

// past is the figures of the steps, and what is drawn: they end with the last step's beginning, the picture with now.
async function past(range: Days) {
  const [answer, { online }] = await Promise.all([
    call<{ points: Point[]; complete: boolean }>('GET', pathOf(range)),
    call<Stats>('GET', 'v1/stats'),
  ])
  const last = answer.points.at(-1)
  // The browser's clock may be behind the node's, and what is drawn must go forwards.
  const at = last && after(Math.max(Date.parse(last.at), Date.now()))
  return { ...answer, drawn: at ? [...answer.points, { at, online, peak: online }] : answer.points }
}

/** Concurrency is how many were online, over time. */
export function Concurrency() {
  const range = days.value
  const [step, length] = steps[range]
  const { answer, failure } = useAsked(() => past(range), [range], range ? 60_000 : 10_000)
  const top = answer?.points.reduce((a, b) => (b.peak > a.peak ? b : a), answer.points[0]!)
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Concurrency</h1>
        <Period />
        <span class="end">
          <Copy command={curl(pathOf(range))} of="concurrency" />
        </span>
      </div>
      {failure && <p class="failure">{failure}</p>}
      {answer && top && (
        <>
          <p>
            {top.peak ? (
              <>
                At most <b>{number(top.peak)}</b> {top.peak === 1 ? 'user was' : 'users were'} online at once in the last {nameOf(range)}: {date.format(Date.parse(top.at))}, {clockOf(length).format(Date.parse(top.at))} to{' '}
                {clockOf(length).format(Date.parse(top.at) + length)}.
              </>
            ) : (
              `Nobody was online in the last ${nameOf(range)}.`
            )}
            {!answer.complete && ' What is older than the service keeps is missing.'}
          </p>
          <Chart points={answer.drawn} />
          <Table points={answer.points} step={step} />
        </>
      )}
    </>
  )
}

function Chart({ points }: { points: Point[] }) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot>(null)
  const dark = useDark()
  useEffect(() => {
    const css = getComputedStyle(document.documentElement)
    const colour = (name: string) => css.getPropertyValue(name).trim()
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } }
    const box = place.current!
    const size = () => ({ width: box.clientWidth, height: Math.max(220, Math.min(360, Math.round(box.clientWidth / 2.6))) })
    const made = new uPlot(
      {
        ...size(),
        scales: { y: { range: (_u, _min, max) => [0, Math.max(5, max * 1.1)] } },
        axes: [{ ...axis, values: (_u, splits, _n, _space, step) => splits.map((at) => tick(at, step)) }, { ...axis, incrs: whole, size: 60 }],
        hooks: { setLegend: [latest] },
        series: [
          { label: 'time', value: (_u, at) => (at ? when(at * 1000) : '') },
          { label: 'peak', stroke: colour('--accent'), width: 1, points: { show: false } },
          { label: 'online', stroke: colour('--online'), fill: colour('--online-fill'), width: 2, points: { show: false } },
        ],
      },
      dataOf(points),
      box,
    )
    latest(made)
    chart.current = made
    const resized = new ResizeObserver(() => made.setSize(size()))
    resized.observe(box)
    return () => {
      resized.disconnect()
      made.destroy()
    }
  }, [dark])
  useEffect(() => {
    chart.current!.setData(dataOf(points))
    latest(chart.current!)
  }, [points])
  return <div class="chart" ref={place} role="img" aria-label="How many users were online, over time. The table below has the figures." />
}

const dataOf = (points: Point[]): uPlot.AlignedData => [points.map((p) => Date.parse(p.at) / 1000), points.map((p) => p.peak), points.map((p) => p.online)]

// whole are the distances that the lines of the chart may have: there is no half user.
const whole = [1, 10, 100, 1000, 10_000, 100_000].flatMap((n) => [n, 2 * n, 5 * n])

// latest has the legend tell the newest figures while the pointer is elsewhere.
function latest(u: uPlot): void {
  const last = u.data[0].length - 1
  if (u.cursor.idx == null && u.legend.idx !== last) u.setLegend({ idx: last })
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const seconds = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

// clockOf shows as much of the time as tells moments apart that lie so many milliseconds from each other.
const clockOf = (length: number) => (length % 60_000 ? seconds : clock)

// tick names a moment on the axis, in seconds: a new day by its date, another by its time.
function tick(seconds: number, step: number): string {
  const at = new Date(seconds * 1000)
  const midnight = at.getHours() === 0 && at.getMinutes() === 0
  return (midnight || step >= 86_400 ? date : clock).format(at)
}

function useDark(): boolean {
  const [dark, set] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)')
    const look = () => set(media.matches)
    media.addEventListener('change', look)
    return () => media.removeEventListener('change', look)
  }, [])
  return dark
}

// after is a moment later.
const after = (at: number) => new Date(at + 1).toISOString()

function Table({ points, step }: { points: Point[]; step: string }) {
  return (
    <details>
      <summary>The figures as a table</summary>
      <div class="wide" tabIndex={0} role="region" aria-label="Figures">
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Online</th>
              <th scope="col">Peak</th>
              <th scope="col">Copy</th>
            </tr>
          </thead>
          <tbody>
            {points.toReversed().map((p) => (
              <tr key={p.at}>
                <td class="time">
                  <Time at={p.at} />
                </td>
                <td>{number(p.online)}</td>
                <td>{number(p.peak)}</td>
                <td class="end">
                  <Copy command={curl('v1/stats/concurrency' + parameters({ from: p.at, to: after(Date.parse(p.at)), step }))} of={`figures of ${when(p.at)}`} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
