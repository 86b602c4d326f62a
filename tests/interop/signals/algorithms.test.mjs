// The signatures that the receiver of signals accepts and refuses, made with jose.

import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";

import { base64url, exportJWK, importJWK, SignJWT, UnsecuredJWT } from "jose";

import { introspect, places, tokenEndpoint, until } from "../js/helpers.mjs";

const provider = JSON.parse(readFileSync(process.env.PROVIDER_JSON, "utf8"));
const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const { privateKey: strangersKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicPem = createPublicKey({ key: provider.keys.rsa, format: "jwk" }).export({ type: "spki", format: "pem" });

/** Seconds since 1970, `ago` seconds ago. The claim `iat` has whole seconds. */
const seconds = (ago) => Math.floor(Date.now() / 1000) - ago;

/** A user who signed in a minute ago and has a token of ACS. */
async function newUser() {
  const sub = `user-${randomUUID()}`;
  const bearer = await new SignJWT({ scope: "guestpass.token" })
    .setProtectedHeader({ alg: "RS256", kid: "users" })
    .setIssuer(provider.issuer)
    .setAudience(provider.audience)
    .setSubject(sub)
    .setIssuedAt(seconds(60))
    .setExpirationTime("1h")
    .sign(await importJWK(provider.keys.users, "RS256"));
  const response = await tokenEndpoint("POST", { Authorization: `Bearer ${bearer}` });
  assert.equal(response.status, 200);
  return { sub, bearer: { Authorization: `Bearer ${bearer}` }, token: (await response.json()).token };
}

/** The claims of a logout token about a user, without a signature. */
const logoutClaims = ({ sub }) => ({
  iss: `${provider.issuer}/logout`,
  aud: "guestpass-logout",
  iat: seconds(30),
  exp: seconds(-120),
  jti: randomUUID(),
  sub,
  events: { [EVENT]: {} },
});

const sign = async (user, header, key) =>
  new SignJWT(logoutClaims(user)).setProtectedHeader({ typ: "logout+jwt", ...header }).sign(key);

const signWith = async (user, kid, alg) => sign(user, { alg, kid }, await importJWK(provider.keys[kid], alg));

function send(token) {
  const body = new URLSearchParams({ logout_token: token });
  return fetch(`${places.gateway}/v1/signals/logout`, { method: "POST", body });
}

const isActive = async ({ token }) => (await introspect(token)).active;

for (const [kid, alg] of [["rsa", "RS256"], ["rsa", "PS256"], ["rsa", "RS512"], ["p256", "ES256"], ["ed25519", "EdDSA"]]) {
  test(`a logout token signed with ${alg} revokes the tokens of its user`, async () => {
    const user = await newUser();
    assert.equal((await send(await signWith(user, kid, alg))).status, 200);
    await until(async () => !(await isActive(user)));
    assert.equal((await tokenEndpoint("POST", user.bearer)).status, 401);
  });
}

/** A server that would serve the key of a stranger, and counts its requests. */
async function strangersServer(t) {
  const jwk = { ...(await exportJWK(createPublicKey(strangersKey))), kid: "rsa" };
  const server = createServer((_, response) => {
    server.requests += 1;
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  server.requests = 0;
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  t.after(() => server.close());
  return server;
}

/** Changes the first character of a part: 0 is the header, 1 the claims, 2 the signature. */
function changed(token, part) {
  const parts = token.split(".");
  parts[part] = (parts[part][0] === "A" ? "B" : "A") + parts[part].slice(1);
  return parts.join(".");
}

test("a logout token without a valid signature of the provider changes nothing", async (t) => {
  const user = await newUser();
  const server = await strangersServer(t);
  const url = `http://127.0.0.1:${server.address().port}/jwks`;
  const jwk = await exportJWK(createPublicKey(strangersKey));
  const genuine = await signWith(user, "rsa", "RS256");
  const [header, claims] = genuine.split(".");
  const unsigned = new UnsecuredJWT(logoutClaims(user)).encode();
  const none = base64url.encode(JSON.stringify({ alg: "none", typ: "logout+jwt", kid: "rsa" }));
  const stranger = (extra) => sign(user, { alg: "RS256", kid: "rsa", ...extra }, strangersKey);
  const hmac = (secret) => sign(user, { alg: "HS256", kid: "rsa" }, secret);
  const forgeries = {
    "no algorithm": unsigned,
    "no algorithm, with a type and a key": `${none}.${claims}.`,
    "no algorithm, with the signature of another": `${none}.${claims}.${genuine.split(".")[2]}`,
    "no signature": `${header}.${claims}.`,
    "a changed signature": changed(genuine, 2),
    "changed claims": changed(genuine, 1),
    "HMAC with the public key as PEM": await hmac(new TextEncoder().encode(publicPem)),
    "HMAC with the modulus of the public key": await hmac(base64url.decode(provider.keys.rsa.n)),
    "the key of a stranger": await stranger({}),
    "an embedded key": await stranger({ jwk }),
    "the URL of a key set": await stranger({ jku: url }),
    "the URL of a certificate": await stranger({ x5u: url }),
    "an unknown extension": await sign(user, { alg: "RS256", kid: "rsa", crit: ["b64"], b64: true },
      await importJWK(provider.keys.rsa, "RS256")),
    "the key of the users' tokens": await sign(user, { alg: "RS256", kid: "rsa" },
      await importJWK(provider.keys.users, "RS256")),
  };
  for (const [name, token] of Object.entries(forgeries)) {
    const response = await send(token);
    assert.equal(response.status, 400, name);
  }
  // A key that is not known yet may be a new one, so the sender is told to try again.
  const unknownKey = await sign(user, { alg: "RS256", kid: "new" }, strangersKey);
  assert.equal((await send(unknownKey)).status, 503);
  assert.equal(server.requests, 0, "the receiver fetched a key that the token chose");
  assert.equal(await isActive(user), true);
  assert.equal((await tokenEndpoint("POST", user.bearer)).status, 200);
  // So it was the signature that was refused.
  assert.equal((await send(genuine)).status, 200);
  await until(async () => !(await isActive(user)));
});
