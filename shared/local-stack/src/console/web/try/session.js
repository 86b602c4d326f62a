// The session of a user: authorization code with PKCE against the issuer, and bearers from it. All of it stays in memory.

import { now } from "/assets/common.js";

const CLIENT_ID = "try-it";
const REDIRECT_URI = `${location.origin}/try/signed-in`;

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** The claims of a JWT. They are shown, not trusted, so the signature is not verified. */
export function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (char) => char.charCodeAt(0))));
  } catch {
    return {};
  }
}

/** A form that is sent to the token endpoint of the issuer. */
export async function requestTokens(call, issuer, form) {
  const response = await call(`${issuer}/token`, { method: "POST", body: new URLSearchParams(form) });
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.error_description ?? body.error), { code: body.error });
  return body;
}

/** Opens the sign-in page in a window, and resolves with the parameters that the issuer sends back. */
function openSignIn(url, state) {
  const popup = window.open(url, "guestpass-sign-in", "popup,width=480,height=680");
  if (!popup) throw new Error("The browser blocked the sign-in window. Allow pop-ups for this page, and try again.");
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearInterval(watch);
      removeEventListener("message", receive);
    };
    const receive = ({ origin, source, data }) => {
      if (origin !== location.origin || source !== popup || !data?.signIn) return;
      stop();
      popup.postMessage("received", location.origin);
      if (data.signIn.state === state) resolve(data.signIn);
      else reject(new Error("The answer of the issuer has another `state` than the request."));
    };
    const watch = setInterval(() => {
      if (!popup.closed) return;
      stop();
      reject(new Error("The sign-in window was closed."));
    }, 300);
    addEventListener("message", receive);
  });
}

/** Signs a user in. `call` is `fetch` with the requests shown on the page. */
export async function signIn({ call, issuer, scope, user, profile }) {
  const [state, nonce, verifier] = [random(), random(), random()];
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const parameters = new URLSearchParams({
    client_id: CLIENT_ID, redirect_uri: REDIRECT_URI, response_type: "code", scope: `openid offline_access ${scope}`, state, nonce,
    code_challenge: challenge, code_challenge_method: "S256", login_hint: user, profile,
  });
  const answer = await openSignIn(`${issuer}/authorize?${parameters}`, state);
  if (answer.error) throw new Error(answer.error_description ?? answer.error);
  if (answer.iss !== issuer) throw new Error(`The answer is of another issuer: ${answer.iss}`);
  const form = { grant_type: "authorization_code", client_id: CLIENT_ID, redirect_uri: REDIRECT_URI, code: answer.code, code_verifier: verifier };
  const tokens = await requestTokens(call, issuer, form);
  if (claimsOf(tokens.id_token).nonce !== nonce) throw new Error("The ID token has another `nonce` than the request.");
  return new Session(call, issuer, tokens);
}

/** What an app keeps of a sign-in: the bearer, and the refresh token with which it gets the next one. */
class Session {
  #call;
  #issuer;
  #tokens;

  constructor(call, issuer, tokens) {
    this.#call = call;
    this.#issuer = issuer;
    this.#tokens = tokens;
  }

  get claims() {
    return claimsOf(this.#tokens.access_token);
  }

  /** A bearer that is valid for at least a minute; null if the user has to sign in again. */
  async bearer({ forceRefresh }) {
    if (!forceRefresh && this.claims.exp * 1000 - now() > 60_000) return this.#tokens.access_token;
    const form = { grant_type: "refresh_token", client_id: CLIENT_ID, refresh_token: this.#tokens.refresh_token };
    try {
      this.#tokens = await requestTokens(this.#call, this.#issuer, form);
      return this.#tokens.access_token;
    } catch (error) {
      if (error.code === "invalid_grant") return null;
      throw error;
    }
  }
}
