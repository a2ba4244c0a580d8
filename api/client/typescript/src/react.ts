"use client";

import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { NOBODY, type PresenceList } from "./feed.js";
import type { UserPresence } from "./presence.js";
import { sharedAt } from "./shared.js";
import { IDLE, type PresenceState } from "./state.js";

export type { PresenceList } from "./feed.js";
export type { Status, UserPresence } from "./presence.js";
export { configurePresence } from "./shared.js";
export type { PresenceState, PresenceStatus } from "./state.js";

export interface HookOptions {
  /** Where the service is. Default: as configurePresence said, else the page's own origin. */
  url?: string | undefined;
}

/**
 * Keeps the user whose token this is online while the component is mounted. Without a token it does nothing; when the
 * token goes away (null after a value), the user has signed out: this browser's session ends at once.
 */
export function useOnlineStatusTracking(
  token: string | null | undefined,
  { url }: HookOptions = {},
): PresenceState {
  const shared = sharedAt(url);
  const { client } = shared;
  const signedIn = Boolean(token);
  useEffect(() => (signedIn ? shared.use() : undefined), [shared, signedIn]);
  const had = useRef(false); // a page that only begins without a token has signed nobody out
  useEffect(() => {
    if (token) client.setToken(token);
    else if (had.current) void client.logout();
    had.current = Boolean(token);
  }, [client, token]);
  return useSyncExternalStore(client.subscribe, client.getState, () => IDLE);
}

/** The presence of a user, live; undefined until the server has told. Without a user ("", null) it watches nobody. */
export function usePresence(
  user: string | null | undefined,
  { url }: HookOptions = {},
): UserPresence | undefined {
  const { feed } = sharedAt(url);
  const subscribe = useCallback(
    (heard: () => void) => (user ? feed.watch(user, heard) : () => {}),
    [feed, user],
  );
  return useSyncExternalStore(
    subscribe,
    () => (user ? feed.presence(user) : undefined),
    () => undefined,
  );
}

/** Everybody who is not offline, live. The token needs the scope presence:read. */
export function usePresenceList({ url }: HookOptions = {}): PresenceList {
  const { feed } = sharedAt(url);
  const subscribe = useCallback((heard: () => void) => feed.watch("", heard), [feed]);
  return useSyncExternalStore(
    subscribe,
    () => feed.list.value,
    () => NOBODY,
  );
}
