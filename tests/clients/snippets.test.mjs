// Runs the JavaScript of the documentation against the local stack, as it is written there.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { test } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { createTokenRefresher } from "guestpass-client";

import { startProxy } from "./chaos.mjs";
import { introspect, places, User } from "./stack.mjs";

const IMPORTED = { AzureCommunicationTokenCredential, createTokenRefresher };

/** The blocks of JavaScript in a file of the repository. */
function blocks(file) {
  const text = readFileSync(`${process.env.REPOSITORY}/${file}`, "utf8");
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
}

/** What the app around a snippet has. */
function appOf(user, url) {
  const stored = new Map();
  const app = {
    user,
    guestpass: url,
    signedInUsersAccessToken: user.signIn,
    msal: {
      getAllAccounts: () => [{ username: "alice" }],
      acquireTokenSilent: async () => ({ accessToken: await user.signIn() }),
    },
    encryptedStorage: {
      getItem: async (name) => stored.get(name),
      setItem: async (name, value) => void stored.set(name, value),
      removeItem: async (name) => void stored.delete(name),
    },
    stored,
    calls: [],
  };
  for (const name of ["showSignIn", "leaveCallsAndChats", "report", "useToken", "showState"]) {
    app[name] = (...values) => app.calls.push([name, ...values]);
  }
  return app;
}

let number = 0;

/** Runs a snippet, and returns what it declares. */
async function run(t, code, app) {
  // A snippet that imports nothing finds the classes of both packages as it finds the functions of its app.
  Object.assign(globalThis, app, code.includes("import ") ? {} : IMPORTED);
  const names = ["credential", "tokenRefresher", "source"];
  const shown = names.map((name) => `${name}: typeof ${name} === "undefined" ? undefined : ${name}`).join(", ");
  const file = `${process.cwd()}/snippet-${(number += 1)}.mjs`;
  writeFileSync(file, `${code}\nexport const declared = { ${shown} };\n`);
  const { declared } = await import(file);
  t.after(() => {
    declared.credential?.dispose();
    (declared.source ?? declared.tokenRefresher?.source)?.dispose();
  });
  return declared;
}

async function behindProxy(t) {
  const proxy = await startProxy(places.gateway);
  t.after(() => proxy.close());
  const app = appOf(new User(), proxy.url);
  return { proxy, app };
}

const isActive = async ({ token }) => (await introspect(token)).active;

const README = blocks("README.md");
const WITHOUT = blocks("shared/clients/README.md");
const CLIENT = blocks("shared/clients/typescript/README.md");

test("the documentation has the snippets that are tested here", () => {
  assert.deepEqual([README.length, WITHOUT.length, CLIENT.length], [1, 1, 6]);
});

test("README.md: the credential with the client survives a failure", async (t) => {
  const { proxy, app } = await behindProxy(t);
  proxy.faults = ["unavailable"];
  const { credential } = await run(t, README[0], app);
  assert.equal(await isActive(await credential.getToken()), true);
  assert.deepEqual(app.calls.map(([, { name }]) => name), ["requesting", "waiting", "ready"]);
});

test("the clients' README: the credential without a client works, and says why a bare 401 failed", async (t) => {
  const { proxy, app } = await behindProxy(t);
  const { credential } = await run(t, WITHOUT[0], app);
  proxy.faults = ["unauthorized", "busy"];
  await assert.rejects(credential.getToken(), { message: "Unauthorized" });
  await assert.rejects(credential.getToken(), { message: "Service is busy" });
  assert.equal(await isActive(await credential.getToken()), true);
});

test("the client's README: a credential in twelve lines, whose app sees a block", async (t) => {
  const { app } = await behindProxy(t);
  const { credential, tokenRefresher } = await run(t, CLIENT[0], app);
  assert.equal(await isActive(await credential.getToken()), true);
  assert.equal(CLIENT[0].split("\n").filter((line) => line && !line.startsWith("import")).length, 10);
  globalThis.signedInUsersAccessToken = () => null;
  app.calls.length = 0;
  tokenRefresher.source.fetch({ force: true }).catch(() => {});
  await new Promise((reached) => tokenRefresher.source.subscribe(({ name }) => name === "sign-in" && reached()));
  assert.deepEqual(app.calls.map(([name]) => name), ["showSignIn"]);
});

test("the client's README: a source gives a token, and a sign-out revokes it", async (t) => {
  const { app } = await behindProxy(t);
  await run(t, CLIENT[1], app);
  const [[name, token, expires, user]] = app.calls;
  assert.equal(name, "useToken");
  assert.equal(await isActive({ token }), false);
  assert.ok(expires > Date.now());
  assert.match(user, /^8:acs:/);
});

test("the client's README: MSAL gives the bearer", async (t) => {
  const { app } = await behindProxy(t);
  const { source } = await run(t, CLIENT[2], app);
  assert.equal(await isActive(await source.fetch()), true);
});

test("the client's README: a storage keeps the token for the next start, until the sign-out", async (t) => {
  const { proxy, app } = await behindProxy(t);
  const first = (await run(t, CLIENT[3], app)).source;
  const { token } = await first.fetch();
  first.dispose();
  const second = (await run(t, CLIENT[3], app)).source;
  assert.equal((await second.fetch()).token, token);
  assert.equal(proxy.forwarded, 1);
  await second.signOut();
  assert.equal(app.stored.size, 0);
});

/** A service that knows one invitation with a PIN. Its tokens are those of a user. */
async function serveInvitation(t, { handle, pin, joinUrl }) {
  const bodies = [];
  const server = createServer(async (request, response) => {
    const body = await json(request);
    bodies.push([request.url, body]);
    if (body.handle !== handle || body.pin !== pin) {
      const problem = { type: "/problems/pin-required", title: "A PIN is required", status: 403, retry: "never" };
      return response.writeHead(403).end(JSON.stringify(problem));
    }
    const headers = { Authorization: `Bearer ${await new User().signIn()}` };
    const token = await (await fetch(`${places.gateway}/v1/token`, { method: "POST", headers })).json();
    response.writeHead(200).end(JSON.stringify({ ...token, meeting: { joinUrl }, displayName: "Ada" }));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  t.after(() => (server.closeAllConnections(), server.close()));
  return { bodies, url: `http://127.0.0.1:${server.address().port}` };
}

test("the client's README: a guest joins with a link and a PIN", async (t) => {
  const [handle, pin, joinUrl] = [`gp_${"0".repeat(22)}`, "483920", "https://teams.microsoft.com/l/meetup-join/1"];
  const service = await serveInvitation(t, { handle, pin, joinUrl });
  const [states, kept, joinButton, pinButton] = [[], new Map(), {}, {}];
  const joined = new Promise((resolve) => (globalThis.joinMeeting = async (...values) => resolve(values)));
  const app = {
    guestpass: service.url,
    location: { hash: `#${handle}`, pathname: "/join" },
    history: { replaceState: (...values) => states.push(values[2]) },
    localStorage: { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) },
    joinButton,
    pinButton,
    pinField: { value: pin },
    showState: ({ name }) => states.push(name),
  };
  const { tokenRefresher } = await run(t, CLIENT[5], app);
  assert.deepEqual([states, service.bodies], [["/join"], []]);
  const asked = new Promise((reached) => tokenRefresher.source.subscribe(({ name }) => name === "pin" && reached()));
  joinButton.onclick();
  await asked;
  pinButton.onclick();
  const [credential, meeting, displayName] = await joined;
  t.after(() => credential.dispose());
  assert.equal(await isActive(await credential.getToken()), true);
  assert.deepEqual([meeting, displayName], [{ joinUrl }, "Ada"]);
  assert.deepEqual(service.bodies.map(([url, { pin }]) => [url, pin]), [["/v1/guest/token", undefined], ["/v1/guest/token", pin]]);
  assert.equal(states.at(-1), "ready");
});

test("the client's README: the Entra token of a Teams user is exchanged", async (t) => {
  const { proxy, app } = await behindProxy(t);
  const { teams } = app.user;
  Object.assign(app, { signedInUsersAccessToken: teams.signIn, entraAppId: teams.appId, teamsAccessToken: teams.getToken });
  const { tokenRefresher } = await run(t, CLIENT[4], app);
  const { token } = await tokenRefresher();
  assert.equal(await isActive({ token }), true);
  assert.equal(tokenRefresher.source.state.token.communicationUserId, `8:orgid:${teams.oid}`);
  assert.equal(proxy.forwarded, 1);
});
