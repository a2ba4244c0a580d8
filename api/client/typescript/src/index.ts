export { PresenceClient } from "./client.js";
export type { PresenceOptions } from "./options.js";
export type { PresenceState, PresenceStatus } from "./state.js";
export { type GetToken, TokenSource } from "./token.js";
