import { GiveUpError, RetryLaterError, SignInRequiredError } from "./errors.js";
import type { TokenRequest } from "./requests.js";
import type { TokenSourceOptions } from "./options.js";

/** Errors with which libraries say that the user has to sign in: MSAL, Auth0, Okta, Amplify, Firebase. */
const SIGN_IN = /(login|interaction|consent|ui)_?required|invalid_grant|missing_refresh|un_?authenticated|notauthorized|user-token-expired/i;

/** The user to whom a bearer belongs, if it is a JWT. */
function subjectOf(bearer: string): string | undefined {
  try {
    const { iss, sub } = JSON.parse(atob(bearer.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));
    return sub && `${iss} ${sub}`;
  } catch {
    return undefined;
  }
}

/** A token of the user at the identity provider, from the callback `name` of the app. */
export async function tokenOfApp(name: string, ask: () => ReturnType<TokenSourceOptions["getBearer"]>): Promise<string> {
  let token;
  try {
    token = await ask();
  } catch (cause) {
    const { name: kind, code, errorCode, error } = (cause ?? {}) as Record<string, unknown>;
    const Kind = SIGN_IN.test(`${kind} ${code} ${errorCode} ${error}`) ? SignInRequiredError : RetryLaterError;
    throw new Kind(`${name} failed`, { cause });
  }
  if (!token) throw new SignInRequiredError(`${name} returned no token: the user has to sign in`);
  // `fetch` would quote it in its error.
  if (!/^[!-~]+$/.test(token)) throw new GiveUpError(`${name} returned text that is not a bearer token`);
  return token;
}

/** The request of a user, with the bearer of the app. */
export async function userRequest(options: TokenSourceOptions, forceRefresh: boolean, signal: AbortSignal): Promise<TokenRequest> {
  const bearer = await tokenOfApp("getBearer", () => options.getBearer({ forceRefresh, signal }));
  return { path: "/v1/token", bearer, body: JSON.stringify(options.request), subject: subjectOf(bearer) };
}
