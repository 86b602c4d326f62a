import type { Clock } from "./clock.js";
import type { GuestpassToken } from "./answers.js";
import type { BlockedError, GiveUpError, RetryLaterError, SignInRequiredError } from "./errors.js";

/** What a token may be used for. */
export type Scope = "chat" | "chat.join" | "chat.join.limited" | "voip" | "voip.join";

/** How a bearer is requested from the app. */
export interface BearerRequest {
  /** The bearer before was refused: get a new one past the cache of your library (MSAL: `forceRefresh`). */
  readonly forceRefresh: boolean;
  /** Aborted at a sign-out and by `dispose()`. */
  readonly signal: AbortSignal;
}

/**
 * Where tokens are kept between starts of the app. The app implements it, encrypts what it stores, and uses another
 * place for each user.
 */
export interface TokenStorage {
  load(): Promise<string | null | undefined>;
  /** `null` deletes what is stored. */
  save(value: string | null): Promise<void>;
}

/** The options of all sources. */
export interface CommonOptions {
  /** The URL of the service, without `/v1/token`. */
  readonly url: string | URL;
  /** Called with each new state. */
  readonly onState?: (state: State) => void;
  /** Milliseconds for one request; 30,000 if absent. */
  readonly timeoutMs?: number;
  /** Share tokens with other tabs of the same user; true if absent. */
  readonly tabs?: boolean;
  /** Another `fetch`. */
  readonly fetch?: typeof fetch;
  /** Another clock, for tests. */
  readonly clock?: Clock;
}

export interface TokenSourceOptions extends CommonOptions {
  /**
   * The access token that your identity provider issued to the user; nothing if the user has to sign in. If it
   * throws, the source retries, except for errors that say that the user has to sign in, such as MSAL's
   * `InteractionRequiredAuthError`.
   */
  getBearer(request: BearerRequest): Promise<string | null | undefined> | string | null | undefined;
  /** What to ask for; what the policy gives if absent. */
  readonly request?: { readonly scopes?: readonly Scope[]; readonly expiresInMinutes?: number };
  /** Tokens stay in memory if absent. */
  readonly storage?: TokenStorage;
}

/** What the app should show. A state has no token. */
export type State =
  /** No token was requested yet. */
  | { readonly name: "idle" }
  /** A request is sent. */
  | { readonly name: "requesting" }
  /** There is a valid token. */
  | { readonly name: "ready"; readonly token: Omit<GuestpassToken, "token"> }
  /** A request failed and is repeated at `retryAt`. If `tokenValid`, calls and chats work until the token expires. */
  | { readonly name: "waiting"; readonly error: RetryLaterError; readonly retryAt: number; readonly tokenValid: boolean }
  /** The user has to sign in. Call `fetch()` afterwards. */
  | { readonly name: "sign-in"; readonly error: SignInRequiredError }
  /** The user is blocked. */
  | { readonly name: "blocked"; readonly error: BlockedError }
  /** The app or the deployment has to be changed. */
  | { readonly name: "failed"; readonly error: GiveUpError }
  /** The app signed the user out, here or in another tab. `fetch()` starts again. */
  | { readonly name: "signed-out" }
  /** The source cannot be used any more. */
  | { readonly name: "disposed" };

export interface FetchOptions {
  /** Get another token, though the current one is valid. */
  readonly force?: boolean;
  /** Ends this call only; the source goes on. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the call is rejected with a `RetryLaterError`; 30,000 if absent. The source goes on. */
  readonly maxWaitMs?: number;
}

export interface TokenSource {
  readonly state: State;
  /** A valid token, or one of the errors of `TokenError`. Calls at the same time share one request. */
  fetch(options?: FetchOptions): Promise<GuestpassToken>;
  /**
   * Forgets the token at once, also in the other tabs of the user, revokes all tokens of the user, and resolves when ACS
   * has confirmed it. If it is rejected, the tokens may still be valid: call it again.
   */
  signOut(options?: Omit<FetchOptions, "force">): Promise<void>;
  /** Calls `listener` with each new state, until the returned function is called. */
  subscribe(listener: (state: State) => void): () => void;
  /** Retries at once after a lost network. React Native apps call it when they come to the foreground. */
  wake(): void;
  /** Stops everything; the tokens stay valid. */
  dispose(): void;
  /** A callback for one credential of Microsoft. See `createTokenRefresher`. */
  refresher(): (abortSignal?: SignalLike) => Promise<AccessToken>;
}

/** What Microsoft's classes read. */
export interface AccessToken {
  token: string;
  expiresOnTimestamp: number;
}

/** The members of `AbortSignal` that Microsoft's `AbortSignalLike` has, too. */
export interface SignalLike {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
