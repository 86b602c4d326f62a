/** What the app should do about an error. The last three are those of guests. */
export type Action = "retry" | "sign-in" | "blocked" | "give-up" | "none" | "pin" | "ask-host" | "storage";

/** What is known about an error beside its message. No member has a token or a claim. */
export interface ErrorDetails {
  /** The HTTP status; absent if there was no response. */
  readonly status?: number;
  /** The `type` of the problem document, for example `/problems/user-blocked`. */
  readonly type?: string;
  /** The id of the request, with which an operator finds it in the log. */
  readonly requestId?: string;
  /** Milliseconds of the header `Retry-After`. */
  readonly retryAfterMs?: number;
  /** The error of `fetch`, of `getBearer` or of the storage. */
  readonly cause?: unknown;
}

/** The base of all errors of this package. Match on `action`. */
export abstract class GuestpassError extends Error implements ErrorDetails {
  /** What the app should do. */
  abstract readonly action: Action;
  declare readonly status?: number;
  declare readonly type?: string;
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly cause?: unknown;

  constructor(name: string, action: Action, message: string, details?: ErrorDetails) {
    super(message);
    Object.assign(this, details, { name, action });
  }
}

/** A temporary error. The source retries by itself; show that the app is offline, if it lasts. */
export class RetryLaterError extends GuestpassError {
  declare readonly action: "retry";
  constructor(message: string, details?: ErrorDetails) {
    super("RetryLaterError", "retry", message, details);
  }
}

/** The identity provider's session ended, or the user was signed out. Let the user sign in, then call `fetch()`. */
export class SignInRequiredError extends GuestpassError {
  declare readonly action: "sign-in";
  constructor(message: string, details?: ErrorDetails) {
    super("SignInRequiredError", "sign-in", message, details);
  }
}

/** The user is blocked. Leave calls and chats, and say so. */
export class BlockedError extends GuestpassError {
  declare readonly action: "blocked";
  constructor(message: string, details?: ErrorDetails) {
    super("BlockedError", "blocked", message, details);
  }
}

/** The same request cannot succeed: the app or the deployment must be changed. Report it with `requestId`. */
export class GiveUpError extends GuestpassError {
  declare readonly action: "give-up";
  constructor(message: string, details?: ErrorDetails) {
    super("GiveUpError", "give-up", message, details);
  }
}

/** The app itself ended the call: by a sign-out, by `dispose()` or by its signal. Nothing to do. */
export class EndedError extends GuestpassError {
  declare readonly action: "none";
  constructor(message: string, name = "EndedError") {
    super(name, "none", message);
  }
}

/** Each error that a call can be rejected with. */
export type TokenError = RetryLaterError | SignInRequiredError | BlockedError | GiveUpError | EndedError;
