"use client";

import { useCallback, useEffect, useSyncExternalStore } from "react";
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
  url?: string;
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
  useEffect(() => shared.use(), [shared]);
  useEffect(() => {
    if (token) client.setToken(token);
    else void client.logout();
  }, [client, token]);
  return useSyncExternalStore(client.subscribe, client.getState, () => IDLE);
}

/** The presence of a user, live; undefined until the server has told. */
export function usePresence(user: string, { url }: HookOptions = {}): UserPresence | undefined {
  const { feed } = sharedAt(url);
  const subscribe = useCallback((heard: () => void) => feed.watch(user, heard), [feed, user]);
  return useSyncExternalStore(
    subscribe,
    () => feed.presence(user),
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
