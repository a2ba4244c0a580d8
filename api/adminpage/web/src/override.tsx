import { useState } from 'preact/hooks'
import { call } from './call'
import { Copy, say } from './copy'
import { curl } from './curl'
import { type Override, type Presence, type Status, statuses } from './types'
import { when } from './words'

const lengths = [
  ['', 'until it is cleared'],
  ['15m', 'for 15 minutes'],
  ['1h', 'for an hour'],
  ['8h', 'for 8 hours'],
  ['24h', 'for a day'],
  ['until', 'until a time'],
] as const

/** OverrideForm shows the override of a user, clears it and sets another. done is called with the sequence of a change. */
export function OverrideForm({ user, path, override, done }: { user: string; path: string; override?: Override; done: (seq: number) => void }) {
  const [status, setStatus] = useState<Status>('busy')
  const [reason, setReason] = useState('')
  const [length, setLength] = useState('')
  const [until, setUntil] = useState('')
  const [failure, setFailure] = useState('')
  const place = `${path}/override`
  const body = { status, ...(reason && { reason }), ...expiry(length, until) }
  const act = async (words: string, method: string, send?: unknown) => {
    setFailure('')
    try {
      const { seq } = await call<Presence>(method, place, send, { 'Idempotency-Key': crypto.getRandomValues(new Uint32Array(4)).join('-') })
      say(words)
      done(seq)
    } catch (err) {
      setFailure(err instanceof Error ? err.message : String(err))
    }
  }
  return (
    <>
      <h2>Override</h2>
      {override ? (
        <div class="override">
          <p>
            <b>{override.status}</b> by <span class="id">{override.by}</span>, {override.until ? `until ${when(override.until)}` : 'until it is cleared'}
          {override.reason && (
            <>
              : <q class="id">{override.reason}</q>
            </>
          )}
          </p>
          <button type="button" onClick={() => void act(`The override of ${user} is cleared.`, 'DELETE')}>
            Clear the override
          </button>
          <Copy command={curl(place, 'DELETE')} of="clear the override" />
        </div>
      ) : (
        <p class="empty">None: the status is the observed one.</p>
      )}
      <form
        class="set"
        onSubmit={(e) => {
          e.preventDefault()
          void act(`${user} is ${status} now.`, 'PUT', body)
        }}
      >
        <label>
          Status
          <select value={status} onChange={(e) => setStatus(e.currentTarget.value as Status)}>
            {statuses.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
        <label class="grow">
          Reason
          <input value={reason} maxLength={512} placeholder="on call" onInput={(e) => setReason(e.currentTarget.value)} />
        </label>
        <label>
          Expiry
          <select value={length} onChange={(e) => setLength(e.currentTarget.value)}>
            {lengths.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {length === 'until' && (
          <label>
            Time
            <input type="datetime-local" required value={until} onInput={(e) => setUntil(e.currentTarget.value)} />
          </label>
        )}
        <button type="submit" class="main">
          Set the override
        </button>
        <Copy command={curl(place, 'PUT', body)} of="set the override" />
      </form>
      <p role="alert" class={failure ? 'failure' : ''}>
        {failure}
      </p>
    </>
  )
}

function expiry(length: string, until: string): object {
  if (length !== 'until') return length ? { for: length } : {}
  const at = new Date(until)
  return isNaN(at.getTime()) ? {} : { until: at.toISOString() }
}
