import { createTokenSource } from "./source.js";
import type { AccessToken, SignalLike, TokenSource, TokenSourceOptions } from "./options.js";

/** The `tokenRefresher` of an AzureCommunicationTokenCredential, with the source behind it. */
export interface TokenRefresher {
  (abortSignal?: SignalLike): Promise<AccessToken>;
  readonly source: TokenSource;
}

/**
 * Creates the `tokenRefresher` of one AzureCommunicationTokenCredential. Microsoft's class stops its timer after one
 * callback that failed, so this one waits until a token is there. It fails only if no token was issued yet or the
 * last one has expired, and if the user is blocked, has to sign in, or the error is final.
 */
export function createTokenRefresher(options: TokenSourceOptions | TokenSource): TokenRefresher {
  const source = "refresher" in options ? options : createTokenSource(options);
  return Object.assign(source.refresher(), { source });
}
