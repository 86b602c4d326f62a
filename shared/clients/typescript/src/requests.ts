import { SECOND, type Clock } from "./clock.js";
import { EndedError, GiveUpError, GuestpassError, RetryLaterError, SignInRequiredError } from "./errors.js";
import type { Answer } from "./answers.js";
import type { SignalLike, TokenSourceOptions } from "./options.js";

/** Errors with which libraries say that the user has to sign in: MSAL, Auth0, Okta, Amplify, Firebase. */
const SIGN_IN = /(login|interaction|consent|ui)_?required|invalid_grant|missing_refresh|un_?authenticated|notauthorized|user-token-expired/i;

/** The bearer of the app. */
export async function bearerOf(options: TokenSourceOptions, forceRefresh: boolean, signal: AbortSignal): Promise<string> {
  let bearer;
  try {
    bearer = await options.getBearer({ forceRefresh, signal });
  } catch (cause) {
    const { name, code, errorCode, error } = (cause ?? {}) as Record<string, unknown>;
    const Kind = SIGN_IN.test(`${name} ${code} ${errorCode} ${error}`) ? SignInRequiredError : RetryLaterError;
    throw new Kind("getBearer failed", { cause });
  }
  if (!bearer) throw new SignInRequiredError("getBearer returned no bearer: the user has to sign in");
  // `fetch` would quote it in its error.
  if (!/^[!-~]+$/.test(bearer)) throw new GiveUpError("getBearer returned text that is not a bearer token");
  return bearer;
}

/** Throws if a sign-out or a disposal has ended the request. */
export function throwIfEnded(signal: AbortSignal): void {
  if (signal.aborted) throw new EndedError("the app ended the request");
}

/** Sends a request and reads the response. Uses only what React Native has, too. */
export async function send(options: TokenSourceOptions, clock: Clock, method: string, bearer: string, signal: AbortSignal): Promise<Answer> {
  throwIfEnded(signal); // a listener for an abort that has already happened is never called
  const body = method === "POST" && options.request ? JSON.stringify(options.request) : undefined;
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  const cancel = clock.after(options.timeoutMs ?? 30 * SECOND, abort);
  signal.addEventListener("abort", abort);
  try {
    const response = await (options.fetch ?? fetch)(`${options.url}`.replace(/\/*$/, "/v1/token"), {
      method,
      headers: { Authorization: `Bearer ${bearer}`, ...(body && { "Content-Type": "application/json" }) },
      ...(body && { body }),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: attempt.signal,
    });
    const header = (name: string) => response.headers.get(name);
    return {
      status: response.status,
      text: await response.text(),
      retryAfter: header("retry-after"),
      requestId: header("x-request-id"),
    };
  } catch (cause) {
    throw new RetryLaterError("no response: the network, CORS or a proxy failed", { cause });
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

/** A promise that can also end early: when the signal is aborted, or after some time. */
export function join<T>(promise: Promise<T>, clock: Clock, signal?: SignalLike, maxWaitMs?: number, late?: () => GuestpassError): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new EndedError("the call was aborted", "AbortError"));
    const cancel = maxWaitMs === undefined ? undefined : clock.after(maxWaitMs, () => reject(late!()));
    const clean = () => {
      cancel?.();
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    promise.then(resolve, reject).then(clean);
  });
}
