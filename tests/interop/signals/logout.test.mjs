// A user signs out at oidc-provider, which then sends a logout token itself.

import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";

import { introspect, places, tokenEndpoint, until } from "../js/helpers.mjs";
import { Browser } from "./browser.mjs";

const { OIDC_ISSUER, OIDC_AUDIENCE } = process.env;
const CALLBACK = "https://app.example/callback";

/** Registers a client whose users' logouts are sent to the receiver of signals (RFC 7591). */
async function register(clientName) {
  const response = await fetch(`${OIDC_ISSUER}/reg`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      client_name: clientName,
      redirect_uris: [CALLBACK],
      backchannel_logout_uri: `${places.gateway}/v1/signals/provider`,
    }),
  });
  assert.equal(response.status, 201, await response.clone().text());
  return response.json();
}

/** Signs a user in at a client with the authorization code flow. Returns the tokens. */
async function signIn(browser, client, login) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    client_id: client.client_id,
    response_type: "code",
    redirect_uri: CALLBACK,
    scope: "openid guestpass.token",
    resource: OIDC_AUDIENCE,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  let page = await browser.open(`${OIDC_ISSUER}/auth?${query}`, { stop: CALLBACK });
  while (!page.url.startsWith(CALLBACK)) page = await browser.submit(page, { login, password: "any" }, CALLBACK);
  const code = new URL(page.url).searchParams.get("code");
  const response = await fetch(`${OIDC_ISSUER}/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: CALLBACK,
      code_verifier: verifier,
      resource: OIDC_AUDIENCE,
    }),
  });
  const tokens = await response.json();
  assert.equal(response.status, 200, JSON.stringify(tokens));
  return { ...tokens, bearer: { Authorization: `Bearer ${tokens.access_token}` } };
}

/** Ends the session of the browser at the provider, which sends its logout tokens before it answers. */
async function signOut(browser, { id_token }) {
  const page = await browser.open(`${OIDC_ISSUER}/session/end?${new URLSearchParams({ id_token_hint: id_token })}`);
  await browser.submit(page, { logout: "yes" });
}

/** What the provider says about the logout tokens that it sent for a client. */
async function deliveries(client) {
  const all = await (await fetch(`${OIDC_ISSUER}/deliveries`)).json();
  return all.filter((one) => one.client === client.client_id).map((one) => one.outcome);
}

async function issueToken(bearer) {
  const response = await tokenEndpoint("POST", bearer);
  assert.equal(response.status, 200);
  return (await response.json()).token;
}

const isActive = async (token) => (await introspect(token)).active;

test("a user who signs out at the provider loses the token of ACS and the bearer", async () => {
  const client = await register(process.env.OIDC_CLIENT);
  const [browser, login] = [new Browser(), `user-${randomUUID()}`];
  const session = await signIn(browser, client, login);
  const token = await issueToken(session.bearer);
  assert.equal(await isActive(token), true);

  await signOut(browser, session);
  assert.deepEqual(await deliveries(client), ["delivered"]);
  await until(async () => !(await isActive(token)));
  const refused = await tokenEndpoint("POST", session.bearer);
  assert.equal(refused.status, 401);
  assert.equal((await refused.json()).type, "/problems/sign-in-required");

  // The claim `iat` has whole seconds: a bearer of the second of the sign-out is refused, too.
  const second = Math.floor(Date.now() / 1000);
  await until(() => Math.floor(Date.now() / 1000) > second);
  await issueToken((await signIn(browser, client, login)).bearer);
});

test("a logout token that the provider sends for another client changes nothing", async () => {
  const [client, other] = [await register(process.env.OIDC_CLIENT), await register("other-client")];
  const login = `user-${randomUUID()}`;
  const session = await signIn(new Browser(), client, login);
  const token = await issueToken(session.bearer);
  const otherBrowser = new Browser();
  await signOut(otherBrowser, await signIn(otherBrowser, other, login));
  assert.deepEqual(await deliveries(other), ["expected 200 OK from " +
    `${places.gateway}/v1/signals/provider, got: 400 Bad Request`]);
  assert.equal(await isActive(token), true);
  await issueToken(session.bearer);
});
