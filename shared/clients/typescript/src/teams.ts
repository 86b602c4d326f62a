/** Tokens of Azure Communication Services for a Teams user, in exchange for the user's Entra token. */
import { tokenOrError, type Answer, type GuestpassToken } from "./answers.js";
import { RetryLaterError, type GuestpassError } from "./errors.js";
import { createSource } from "./source.js";
import { tokenOfApp, userRequest } from "./user.js";
import type { Prepare } from "./requests.js";
import type { TokenRefresher } from "./refresher.js";
import type { BearerRequest, TokenSource, TokenSourceOptions } from "./options.js";

export { BlockedError, EndedError, GiveUpError, GuestpassError, RetryLaterError, SignInRequiredError } from "./errors.js";

/** Entra has issued the bearer of `getBearer`, too. */
export interface TeamsTokenSourceOptions extends Omit<TokenSourceOptions, "request"> {
  /** The Entra application (client) id of the app. */
  readonly appId: string;
  /**
   * The user's Entra token for `https://auth.msft.communication.azure.com` with Teams.ManageCalls and Teams.ManageChats;
   * nothing if the user has to sign in. An ACS token ends with the Entra token it was exchanged for, so a refresh asks
   * with `forceRefresh`.
   */
  getTeamsToken(request: BearerRequest): Promise<string | null | undefined> | string | null | undefined;
}

/** Creates a source of tokens for one Teams user. */
export function createTeamsTokenSource(options: TeamsTokenSourceOptions): TokenSource {
  const { appId } = options;
  let expiring = false;

  const prepare: Prepare = async (forceRefresh, signal, renews) => {
    const request = await userRequest(options, forceRefresh, signal);
    if (renews === undefined) return request; // a sign-out
    const ask = { forceRefresh: forceRefresh || renews || expiring, signal };
    const token = await tokenOfApp("getTeamsToken", () => options.getTeamsToken(ask));
    return { ...request, path: "/v1/token/teams", body: JSON.stringify({ appId, token }) };
  };

  function read(answer: Answer, sentAt: number, now: number): GuestpassToken | GuestpassError {
    const result = tokenOrError(answer, sentAt, now);
    // An Entra token that was kept by the app's library may be too old for an exchange: a newer one helps.
    expiring = !("token" in result) && /teams-token-expir/.test(`${result.type}`);
    if (!expiring || "token" in result || result.action === "sign-in") return result;
    return new RetryLaterError(result.message, result);
  }

  return createSource(options, prepare, read, `teams ${appId}`);
}

/** Creates the `tokenRefresher` of one AzureCommunicationTokenCredential for a Teams user. */
export function createTeamsTokenRefresher(options: TeamsTokenSourceOptions | TokenSource): TokenRefresher {
  const source = "refresher" in options ? options : createTeamsTokenSource(options);
  return Object.assign(source.refresher(), { source });
}
