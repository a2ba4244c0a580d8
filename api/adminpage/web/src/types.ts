// What the service says, as /openapi.json describes it.

export type Status = 'online' | 'away' | 'busy' | 'offline'
export const statuses: Status[] = ['online', 'away', 'busy', 'offline']

export interface Session {
  session: string
  device?: string
  since: string
  last_seen: string
  idle: boolean
}

export interface Override {
  status: Status
  by: string
  reason?: string
  until?: string
}

export interface Presence {
  user: string
  status: Status
  observed: Status
  since: string
  last_seen: string | null
  seq: number
  sessions?: Session[]
  override?: Override
}

export interface Change {
  user: string
  status: Status
  observed: Status
  since: string
  last_seen: string | null
  from: Status
  cause: string
  actor?: string
  seq: number
}

export interface Stats {
  users: number
  online: number
  away: number
  busy: number
  offline: number
  sessions: number
  seq: number
  lag_seconds: number
}

export interface Interval {
  status: Status
  from: string
  to: string | null
  cause: string
  actor: string
  seq: number
}

export interface History {
  intervals: Interval[]
  online_seconds: number
  complete: boolean
  next?: string
}

export interface Point {
  at: string
  online: number
  peak: number
}

export type Logged = { seq: number; nth?: number; type?: string; user?: string; at?: string; actor?: string } & Record<string, unknown>
