/** Tokens of Azure Communication Services from a Guestpass service, for AzureCommunicationTokenCredential. */
export { createTokenSource } from "./source.js";
export { createTokenRefresher, type TokenRefresher } from "./refresher.js";
export { BlockedError, EndedError, GiveUpError, GuestpassError, RetryLaterError, SignInRequiredError } from "./errors.js";
export type { Action, ErrorDetails, TokenError } from "./errors.js";
export type { GuestpassToken } from "./answers.js";
export type { Clock } from "./clock.js";
export type { AccessToken, BearerRequest, FetchOptions, Scope, SignalLike, State, TokenSource, TokenSourceOptions, TokenStorage } from "./options.js";
