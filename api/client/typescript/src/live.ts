export { PresenceFeed, type PresenceList } from "./feed.js";
export type { PresenceOptions } from "./options.js";
export type { Status, StatusChange, UserPresence } from "./presence.js";
export { PresenceStream, type StreamEvents, type StreamOptions } from "./stream.js";
