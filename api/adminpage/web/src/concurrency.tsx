import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useAsked } from './asked'
import { call, parameters } from './call'
import { Copy } from './copy'
import { curl } from './curl'
import { nameOf, Period, start, type Days } from './period'
import type { Point } from './types'
import { number, when } from './words'

const steps: Record<Days, string> = { 1: '5m', 7: '30m', 30: '2h' }

/** Concurrency is how many were online, over time. */
export function Concurrency() {
  const [days, setDays] = useState<Days>(1)
  const path = () => 'v1/stats/concurrency' + parameters({ from: new Date(start(days)).toISOString(), step: steps[days] })
  const { answer, failure } = useAsked(() => call<{ points: Point[]; complete: boolean }>('GET', path()), [days], 60_000)
  const top = answer?.points.reduce((a, b) => (b.peak > a.peak ? b : a), answer.points[0]!)
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Concurrency</h1>
        <Period days={days} onChange={setDays} />
        <Copy command={curl(path())} of="concurrency" />
      </div>
      {failure && <p class="failure">{failure}</p>}
      {answer && top && (
        <>
          <p>
            At most {number(top.peak)} {top.peak === 1 ? 'user was' : 'users were'} online at once in the last {nameOf(days)}: within {steps[days]} of{' '}
            {when(top.at)}.{!answer.complete && ' What is older than the service keeps is missing.'}
          </p>
          <Chart points={answer.points} />
          <Table points={answer.points} step={steps[days]} />
        </>
      )}
    </>
  )
}

function Chart({ points }: { points: Point[] }) {
  const place = useRef<HTMLDivElement>(null)
  const dark = useDark()
  useEffect(() => {
    const css = getComputedStyle(document.documentElement)
    const colour = (name: string) => css.getPropertyValue(name).trim()
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } }
    const box = place.current!
    const size = () => ({ width: box.clientWidth, height: Math.max(220, Math.min(360, Math.round(box.clientWidth / 2.6))) })
    const chart = new uPlot(
      {
        ...size(),
        scales: { y: { range: (_u, _min, max) => [0, Math.max(5, max * 1.1)] } },
        axes: [{ ...axis, values: (_u, splits, _n, _space, step) => splits.map((at) => tick(at, step)) }, { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000], size: 60 }],
        series: [
          { label: 'time', value: (_u, at) => (at ? when(at * 1000) : '') },
          { label: 'peak', stroke: colour('--busy'), width: 1, points: { show: false } },
          { label: 'online', stroke: colour('--online'), fill: colour('--online-fill'), width: 2, points: { show: false } },
        ],
      },
      [points.map((p) => Date.parse(p.at) / 1000), points.map((p) => p.peak), points.map((p) => p.online)],
      box,
    )
    const resized = new ResizeObserver(() => chart.setSize(size()))
    resized.observe(box)
    return () => {
      resized.disconnect()
      chart.destroy()
    }
  }, [points, dark])
  return <div class="chart" ref={place} role="img" aria-label="How many users were online, over time. The table below has the figures." />
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

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

// after is a moment later, so that a step is asked for alone.
const after = (at: string) => new Date(Date.parse(at) + 1).toISOString()

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
                <td class="time">{when(p.at)}</td>
                <td>{number(p.online)}</td>
                <td>{number(p.peak)}</td>
                <td>
                  <Copy command={curl('v1/stats/concurrency' + parameters({ from: p.at, to: after(p.at), step }))} of={`figures of ${when(p.at)}`} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
