import { useMemo, useState } from 'preact/hooks'
import { AuditList } from './auditlist'
import { days, Period, start } from './period'

const types = ['login', 'logout', 'override', 'offline', 'online', 'erased', 'heartbeat']

/** Audit is the log of all users. */
export function Audit() {
  const [typed, type] = useState('')
  const [user, setUser] = useState('')
  const [kind, setKind] = useState('')
  const [times, again] = useState(0) // that it was asked for
  const of = useMemo(() => ({ user, type: kind, from: start(days.value) }), [user, kind, days.value, times])
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Audit</h1>
        <Period />
      </div>
      <form class="set" role="search" onSubmit={(e) => (e.preventDefault(), setUser(typed.trim()), again(times + 1))}>
        <label class="grow">
          User id
          <input type="search" autocomplete="off" spellcheck={false} value={typed} placeholder="everybody" onInput={(e) => type(e.currentTarget.value)} />
        </label>
        <label>
          Event
          <select value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
            <option value="">all but heartbeats</option>
            {types.map((t) => (
              <option key={t}>{t}</option>
            ))}
          </select>
        </label>
        <button type="submit">Show</button>
      </form>
      <AuditList key={JSON.stringify(of)} of={of} />
    </>
  )
}
