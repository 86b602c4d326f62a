// The gateway of the local stack with a real issuer, which it finds by discovery.

import assert from "node:assert/strict";
import { test } from "node:test";

import { introspect, signIn, tokenEndpoint } from "./helpers.mjs";

const { OIDC_ISSUER, OIDC_AUDIENCE } = process.env;

/** An access token of the issuer, as a header. */
async function bearer({ resource = OIDC_AUDIENCE, scope = "guestpass.token" } = {}) {
  const response = await fetch(`${OIDC_ISSUER}/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${btoa("app:secret")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", resource, scope }),
  });
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return { Authorization: `Bearer ${body.access_token}` };
}

test("a bearer of the issuer gets a token of ACS", async () => {
  const response = await tokenEndpoint("POST", await bearer());
  assert.equal(response.status, 200);
  assert.equal((await introspect((await response.json()).token)).active, true);
});

test("a bearer of the issuer for another audience is refused", async () => {
  const response = await tokenEndpoint("POST", await bearer({ resource: "https://other.example" }));
  assert.equal(response.status, 401);
  assert.match(response.headers.get("www-authenticate"), /audience/);
});

test("a bearer of the issuer without the scope is refused", async () => {
  assert.equal((await tokenEndpoint("POST", await bearer({ scope: "other" }))).status, 403);
});

test("a bearer of the issuer with a changed signature is refused", async () => {
  const { Authorization } = await bearer();
  const changed = Authorization.slice(0, -8) + (Authorization.endsWith("AAAAAAAA") ? "BBBBBBBB" : "AAAAAAAA");
  assert.equal((await tokenEndpoint("POST", { Authorization: changed })).status, 401);
});

test("a bearer of the development issuer is refused", async () => {
  const response = await tokenEndpoint("POST", await signIn());
  assert.equal(response.status, 401);
  assert.match(response.headers.get("www-authenticate"), /another issuer|key of the issuer/);
});
