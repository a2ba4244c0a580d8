import { useState } from 'preact/hooks'
import { AuditList } from './auditlist'
import { Period, type Days } from './period'

const types = ['login', 'logout', 'override', 'offline', 'online', 'erased', 'heartbeat']

/** Audit is the log of all users. */
export function Audit() {
  const [typed, type] = useState('')
  const [user, setUser] = useState('')
  const [kind, setKind] = useState('')
  const [days, setDays] = useState<Days>(1)
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Audit</h1>
        <Period days={days} onChange={setDays} />
      </div>
      <form class="set" role="search" onSubmit={(e) => (e.preventDefault(), setUser(typed.trim()))}>
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
      <AuditList key={`${user} ${kind} ${days}`} user={user} type={kind} days={days} />
    </>
  )
}
