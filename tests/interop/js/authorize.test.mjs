// The sign-in at the development issuer with an OpenID Connect client of another project, openid-client.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as oidc from "openid-client";

import { issue, places } from "./helpers.mjs";

const REDIRECT_URI = "http://127.0.0.1:5173/callback";

const bearer = ({ access_token: token }) => ({ Authorization: `Bearer ${token}` });

const discover = () => oidc.discovery(new URL(places.issuer), "interop", undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] });

/** Starts a sign-in, and returns the URL to which the user is sent back after sending the form with these choices. */
async function signIn(config, choices) {
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI, scope: "openid offline_access guestpass.token", state, nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const page = await fetch(url);
  assert.equal(page.status, 200);
  const body = new URLSearchParams([...url.searchParams, ...Object.entries(choices)]);
  const answer = await fetch(url.origin + url.pathname, { method: "POST", body, redirect: "manual", headers: { Origin: url.origin } });
  assert.equal(answer.status, 303);
  return { back: new URL(answer.headers.get("location")), checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
}

test("openid-client signs a user in, and its bearers get tokens of ACS", async () => {
  const config = await discover();
  const { back, checks } = await signIn(config, { user: "interop", sign_in_profile: "auth0" });
  const tokens = await oidc.authorizationCodeGrant(config, back, checks);
  assert.equal(tokens.claims().sub, "interop");
  assert.match((await issue(bearer(tokens))).user.communicationUserId, /^8:acs:/);

  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(refreshed.claims().sub, "interop");
  assert.ok((await issue(bearer(refreshed))).token);
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), { error: "invalid_grant" });
});

test("openid-client understands a cancelled sign-in, and a code that was used before", async () => {
  const config = await discover();
  const cancelled = await signIn(config, { choice: "cancel" });
  await assert.rejects(oidc.authorizationCodeGrant(config, cancelled.back, cancelled.checks), { error: "access_denied" });

  const { back, checks } = await signIn(config, { user: "interop" });
  await oidc.authorizationCodeGrant(config, back, checks);
  await assert.rejects(oidc.authorizationCodeGrant(config, back, checks), { error: "invalid_grant" });
});
