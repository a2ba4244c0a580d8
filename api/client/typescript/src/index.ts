export { PresenceClient } from "./client.js";
export { PresenceFeed, type PresenceList } from "./feed.js";
export type { PresenceOptions } from "./options.js";
export type { Status, StatusChange, UserPresence } from "./presence.js";
export type { PresenceState, PresenceStatus } from "./state.js";
export { PresenceStream, type StreamEvents, type StreamOptions } from "./stream.js";
export { type GetToken, TokenSource } from "./token.js";
