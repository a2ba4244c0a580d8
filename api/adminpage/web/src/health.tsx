import { useAsked } from './asked'
import { call, text } from './call'
import { Copy } from './copy'
import { curl } from './curl'
import { phase } from './signin'
import type { Stats } from './types'
import { number } from './words'

/** Health is how the node is: its checks, and how far its view is behind the log. */
export function Health() {
  const reads = phase.value.at === 'in' && phase.value.role !== 'user'
  const ready = useAsked(() => text('readyz?verbose'), [], 5000)
  const stats = useAsked(() => (reads ? call<Stats>('GET', 'v1/stats') : call<undefined>('GET', 'v1/me')), [reads], 5000)
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Health</h1>
        <Verdict failure={ready.failure} status={ready.answer?.status} />
        {reads && (
          <span class="end">
            <Copy command={curl('v1/stats')} of="the figures" />
          </span>
        )}
      </div>
      {stats.answer && <View of={stats.answer} />}
      {reads && stats.failure && stats.failure !== ready.failure && <p class="failure">{stats.failure}</p>}
      <h2>Checks</h2>
      {ready.failure && <p class="failure">{ready.failure}</p>}
      {ready.answer && <Checks text={ready.answer.body} />}
    </>
  )
}

// Verdict is the answer to the first question: may users be sent to this node?
function Verdict({ failure, status }: { failure?: string; status?: number }) {
  if (failure) return <span class="badge busy">no answer</span>
  if (status === undefined) return null
  return status === 200 ? <span class="badge online">ready</span> : <span class="badge busy">not ready</span>
}

function View({ of: s }: { of: Stats }) {
  if (s.users === undefined) return null
  const facts: [string, string][] = [
    ['View lag', `${s.lag_seconds.toFixed(3)} s`],
    ['At sequence', number(s.seq)],
    ['Users', number(s.users)],
    ['Sessions', number(s.sessions)],
    ['Online', number(s.online)],
    ['Away', number(s.away)],
    ['Busy', number(s.busy)],
    ['Offline', number(s.offline)],
  ]
  return (
    <dl class="facts four">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Checks({ text: all }: { text: string }) {
  const lines = all.split('\n').map((line) => line.match(/^\[([+-])\]([^ :]+):? ?(.*)$/)).filter((m) => m !== null)
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="Checks">
      <table>
        <thead>
          <tr>
            <th scope="col">Check</th>
            <th scope="col">Result</th>
            <th scope="col">Copy</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(([, sign, name, detail]) => (
            <tr key={name}>
              <td>{name}</td>
              <td class={sign === '+' ? '' : 'bad'}>{sign === '+' ? detail : `not well: ${detail}`}</td>
              <td class="end">
                <Copy command={curl('readyz?verbose')} of={`check ${name}`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
