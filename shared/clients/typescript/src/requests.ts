import { inPage, SECOND, type Clock } from "./clock.js";
import { EndedError, GiveUpError, RetryLaterError, type GuestpassError } from "./errors.js";
import type { Answer } from "./answers.js";
import type { SignalLike, CommonOptions } from "./options.js";

/** A request for a token, and for a sign-out. */
export interface TokenRequest {
  readonly path: string;
  readonly bearer?: string;
  /** JSON, for a token. */
  readonly body?: string | undefined;
  /** The user or guest whose tabs share tokens, if that is known. */
  readonly subject?: string | undefined;
}

/**
 * Makes a request. It may throw an error that the source shows. `forceRefresh`: the bearer before was refused. `renews`:
 * whether the new token is to replace one; absent for a sign-out.
 */
export type Prepare = (forceRefresh: boolean, signal: AbortSignal, renews?: boolean) => Promise<TokenRequest>;

/** Throws if a sign-out or a disposal has ended the request. */
export function throwIfEnded(signal: AbortSignal): void {
  if (signal.aborted) throw new EndedError("the app ended the request");
}

/** Sends a request and reads the response. Uses only what React Native has, too. */
export async function send(options: CommonOptions, clock: Clock, method: string, { path, bearer, body: wish }: TokenRequest, signal: AbortSignal): Promise<Answer> {
  const url = `${options.url}`;
  // `fetch` would fail as without a network.
  if (!/^https?:\/\/[^/]/i.test(url) && !(inPage() && /^(\/|$)/.test(url))) throw new GiveUpError("`url` must begin with https://");
  throwIfEnded(signal); // a listener for an abort that has already happened is never called
  const body = method === "POST" && wish;
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  const cancel = clock.after(options.timeoutMs ?? 30 * SECOND, abort);
  signal.addEventListener("abort", abort);
  try {
    const response = await (options.fetch ?? fetch)(url.replace(/\/*$/, path), {
      method,
      headers: { ...(bearer && { Authorization: `Bearer ${bearer}` }), ...(body && { "Content-Type": "application/json" }) },
      ...(body && { body }),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: attempt.signal,
    });
    const { headers, status } = response;
    return { status, text: await response.text(), retryAfter: headers.get("retry-after"), requestId: headers.get("x-request-id") };
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
    const cancel = late && clock.after(maxWaitMs!, () => reject(late()));
    const clean = () => {
      cancel?.();
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    promise.then(resolve, reject).then(clean);
  });
}
