import { useEffect, useMemo, useState } from 'preact/hooks'
import { useAsked } from './asked'
import { AuditList } from './auditlist'
import { call, parameters } from './call'
import { now } from './clock'
import { Copy } from './copy'
import { curl } from './curl'
import { Badge } from './grid'
import { OverrideForm } from './override'
import { forget, onChange } from './people'
import { days, Period, start } from './period'
import { phase } from './signin'
import { TimelineOf } from './timelineof'
import type { Presence, Session } from './types'
import { Time } from './time'
import { span, when } from './words'

/** UserView is all about one user. own: the token may read just this one. */
export function UserView({ user, own = false }: { user: string; own?: boolean }) {
  const path = `v1/users/${encodeURIComponent(user)}`
  // What the page shows is no older than the last change that it has heard of.
  const [least, setLeast] = useState(0)
  const asked = useAsked(() => call<Presence>('GET', (own ? 'v1/me' : path) + parameters({ min_seq: least })), [path], 10_000, least)
  const admin = phase.value.at === 'in' && phase.value.role === 'admin'
  const heard = (seq: number) => setLeast((n) => Math.max(n, seq))
  useEffect(() => onChange((c) => c.user === user && heard(c.seq)), [user])
  const wanted = useMemo(() => ({ user, type: '', from: start(days.value) }), [user, days.value])
  const unknown = asked.code === 'unknown_user' // or erased since
  useEffect(() => {
    if (unknown) forget(user)
  }, [unknown])
  const p = unknown ? undefined : asked.answer
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1} class="id">
          {user}
        </h1>
        {p && <Badge status={p.status} />}
        <span class="end">
          <Copy command={curl(path)} of={user} />
        </span>
      </div>
      {unknown && <p class="empty">There is no such user: the log has never named this id, or it was erased. The page shows him as soon as he comes.</p>}
      {!unknown && asked.failure && (
        <p role="alert" class="failure">
          {asked.failure}
        </p>
      )}
      {p && <Facts of={p} />}
      {p?.sessions && <Sessions of={p.sessions} path={path} />}
      {p && admin && <OverrideForm user={user} path={path} override={p.override} done={heard} />}
      {admin && !unknown && (
        <>
          <div class="title">
            <h2>Timeline</h2>
            <Period />
          </div>
          <TimelineOf path={path} least={least} />
          <h2>Audit</h2>
          <AuditList key={wanted.from} of={wanted} least={least} />
        </>
      )}
      {!admin && <p class="quiet">Overrides, the timeline and the audit are for admins.</p>}
    </>
  )
}

function Facts({ of: p }: { of: Presence }) {
  return (
    <dl class="facts">
      <div>
        <dt>{p.status} for</dt>
        <dd title={when(p.since)}>{span(now.value - Date.parse(p.since))}</dd>
      </div>
      <div>
        <dt>Observed</dt>
        <dd>{p.observed}</dd>
      </div>
      <div>
        <dt>Last seen</dt>
        <dd>{p.last_seen ? <Time at={p.last_seen} /> : 'never'}</dd>
      </div>
      <div>
        <dt>Last event</dt>
        <dd>{p.seq}</dd>
      </div>
    </dl>
  )
}

function Sessions({ of: sessions, path }: { of: Session[]; path: string }) {
  return (
    <>
      <h2>Sessions</h2>
      {sessions.length === 0 ? (
        <p class="empty">No session is live.</p>
      ) : (
        <div class="wide" tabIndex={0} role="region" aria-label="Sessions">
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Session</th>
                <th scope="col">Device</th>
                <th scope="col">Since</th>
                <th scope="col">Last seen</th>
                <th scope="col">Idle</th>
                <th scope="col">Copy</th>
              </tr>
            </thead>
            <tbody>
              {sessions.map((s) => (
                <tr key={s.session}>
                  <td class="id lead">{s.session}</td>
                  <td class="id">{s.device ?? ''}</td>
                  <td class="time" data-name="since">
                    <Time at={s.since} />
                  </td>
                  <td class="time" data-name="seen">
                    <Time at={s.last_seen} />
                  </td>
                  <td data-name="idle">{s.idle ? 'yes' : 'no'}</td>
                  <td class="end">
                    <Copy command={curl(path)} of={`session ${s.session}`} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}
