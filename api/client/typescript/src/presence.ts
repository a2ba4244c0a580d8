/** The status of a user; `unknown`: the log has never named him, or nothing has been heard of him yet. */
export type Status = "online" | "away" | "busy" | "offline" | "unknown";

/** A user as the live stream tells of him. Times are RFC 3339. */
export interface UserPresence {
  user: string;
  status: Status;
  /** What the user's sessions say, where an override hides it. */
  observed?: Status;
  /** When status took its present value. */
  since?: string;
  last_seen?: string;
  seq?: number;
}

/** A change of status, as the live stream brings it. */
export interface StatusChange extends UserPresence {
  from: Status;
  cause: string;
  actor?: string;
  seq: number;
}
