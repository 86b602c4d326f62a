import { inPage, MINUTE, SECOND, type Clock } from "./clock.js";
import { GiveUpError, GuestpassError, type RetryLaterError } from "./errors.js";
import type { Naps } from "./naps.js";
import type { States } from "./states.js";

/** One of the attempts of a request. `forceRefresh`: the bearer before was refused. */
type Attempt<T> = (forceRefresh: boolean) => Promise<T>;

/** A page at another origin than the service's cannot read its responses without CORS headers. */
const isOfOtherOrigin = (url: string | URL) => inPage() && !`${url}`.startsWith(`${location.origin}/`);

export type Repeat = <T>(attempt: Attempt<T>, signal: AbortSignal, onRetry: (error: RetryLaterError, retryAt: number) => void) => Promise<T>;

/** Creates what repeats a request until it succeeds or its error is final. */
export function createRepeat(clock: Clock, naps: Naps, states: States, url: string | URL): Repeat {
  return async (attempt, signal, onRetry) => {
    let backoff = 0;
    let refusals = 0;
    let forceRefresh = false;
    let suspected: boolean | undefined;
    for (;;) {
      try {
        return await attempt(forceRefresh);
      } catch (thrown) {
        const error = thrown instanceof GuestpassError ? thrown : new GiveUpError("the client failed", { cause: thrown });
        // The error of the state is the answer to a request before.
        if (signal.aborted || error === states.error) throw error;
        if (error.action === "sign-in" && error.status === 401 && refusals < 2) {
          // `iat` has whole seconds: a bearer from the second of a sign-out is refused, too.
          if (refusals++) await naps.begin(SECOND * (1.5 + clock.random()));
          forceRefresh = true;
        } else if (error.action === "retry") {
          const offline = !error.status && !!error.cause;
          // openapi.yaml asks for two seconds after API Gateway's own 429, which has no Retry-After.
          if (!error.retryAfterMs) backoff = Math.min(MINUTE, Math.max(2 * backoff, error.status === 429 ? 2 * SECOND : SECOND));
          const wait = (error.retryAfterMs ?? backoff) * (1 + clock.random() / 4);
          onRetry(error as RetryLaterError, clock.now() + wait);
          await naps.begin(wait, offline);
          refusals = 0;
          // A 401 of API Gateway has no CORS headers, so that a page sees a network error.
          forceRefresh = offline && !suspected && isOfOtherOrigin(url);
          suspected ||= forceRefresh;
        } else throw error;
        if (signal.aborted) throw error;
      }
    }
  };
}
