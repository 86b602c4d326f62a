// Microsoft's AzureCommunicationTokenCredential, unchanged, with the packed client against the local stack. The timers
// and the clock of this process are mocked, so that hours pass at once; the service stays in the present.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { createTokenRefresher } from "guestpass-client";

import { FAULTS, startProxy } from "./chaos.mjs";
import { introspect, places, until, User } from "./stack.mjs";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A credential of a new user behind a proxy that breaks requests, and the states that its app sees. */
async function session(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  const proxy = await startProxy(places.gateway);
  const user = new User();
  const seen = { proxy, user, states: [], signedIn: true };
  const tokenRefresher = createTokenRefresher({
    url: proxy.url,
    getBearer: async ({ forceRefresh }) => {
      if (forceRefresh && !seen.signedIn) return null;
      return (seen.bearer = forceRefresh || !seen.bearer ? await user.signIn() : seen.bearer);
    },
    onState: (state) => seen.states.push(state.name),
  });
  seen.source = tokenRefresher.source;
  seen.credential = new AzureCommunicationTokenCredential({ tokenRefresher, refreshProactively: true });
  t.after(() => {
    seen.credential.dispose();
    seen.source.dispose();
    proxy.close();
  });
  seen.reach = (name) => until(() => seen.source.state.name === name, `the state is ${name}, not ${seen.source.state.name}`);
  seen.goTo = (moment) => t.mock.timers.tick(moment - Date.now());
  // Lets the mocked time pass as the real one, until the promise is settled.
  seen.live = async (promise) => {
    let [settled, before] = [false, performance.now()];
    promise.finally(() => (settled = true)).catch(() => {});
    await until(() => {
      const now = performance.now();
      if (now - before >= 1) t.mock.timers.tick(Math.floor(now - before));
      if (now - before >= 1) before = now;
      return settled;
    }, "the call ends");
    return promise;
  };
  return seen;
}

/** Lets the waits of the client pass, until the state is `name`. */
async function passUntil(seen, name) {
  await until(() => {
    const { state } = seen.source;
    if (state.name === name) return true;
    if (state.name === "waiting") seen.goTo(Math.max(state.retryAt, Date.now()));
    return false;
  }, `the state is ${name}`);
}

test("a credential survives ten failures of all kinds, without a call of the app", async (t) => {
  const seen = await session(t);
  const first = await seen.credential.getToken();
  const { token } = seen.source.state;
  seen.proxy.faults = Object.keys(FAULTS).filter((name) => name !== "unauthorized");
  assert.equal(seen.proxy.faults.length, 10);

  seen.goTo(token.refreshAfterTimestamp + 30 * SECOND);
  await seen.reach("waiting");
  assert.equal((await seen.credential.getToken()).token, first.token);
  await passUntil(seen, "ready");
  assert.equal(seen.proxy.broken, 10);

  // Microsoft's own timer, ten minutes before the end, gets the token that is already there.
  const { forwarded } = seen.proxy;
  seen.goTo(first.expiresOnTimestamp - 10 * MINUTE);
  await until(async () => (await seen.credential.getToken()).token !== first.token);
  assert.equal(seen.proxy.forwarded, forwarded);
  assert.deepEqual(await introspect((await seen.credential.getToken()).token).then(({ active }) => active), true);
});

test("a credential survives a service that is down from the refresh until after the token expired", async (t) => {
  const seen = await session(t);
  const first = await seen.credential.getToken();
  seen.proxy.faults = Array(2000).fill("unavailable");
  seen.goTo(first.expiresOnTimestamp - 10 * MINUTE);
  await seen.reach("waiting");
  // The timer of the credential asked, and waits for the token; a call while the token is valid has it.
  assert.equal((await seen.credential.getToken()).token, first.token);
  seen.goTo(first.expiresOnTimestamp + MINUTE);
  await seen.reach("waiting");
  let called = "pending";
  const call = seen.credential.getToken().then((value) => (called = value));
  await until(() => seen.proxy.broken > 1);
  assert.equal(called, "pending");

  seen.proxy.faults = [];
  await passUntil(seen, "ready");
  assert.notEqual((await call).token, first.token);
});

test("a sign-out elsewhere asks for a sign-in, and the same credential goes on after it", async (t) => {
  const seen = await session(t);
  const first = await seen.credential.getToken();
  await seen.user.signOutElsewhere();
  seen.signedIn = false;
  seen.goTo(first.expiresOnTimestamp - 10 * MINUTE);
  await seen.reach("sign-in");
  assert.equal(seen.source.state.error.action, "sign-in");
  assert.equal((await introspect(first.token)).active, false);

  // If the second of the sign-out is not over yet, the client asks for another bearer.
  seen.signedIn = true;
  seen.bearer = undefined;
  const token = await seen.live(seen.source.fetch());
  await until(async () => (await seen.credential.getToken()).token === token.token);
  assert.equal((await introspect(token.token)).active, true);
});

test("a block is reported as a block, and an unblocked user's credential goes on", async (t) => {
  const seen = await session(t);
  const first = await seen.credential.getToken();
  await seen.user.account("disabled");
  await until(async () => !(await introspect(first.token)).active);
  seen.goTo(first.expiresOnTimestamp - 10 * MINUTE);
  await seen.reach("blocked");
  assert.equal(seen.source.state.error.type, "/problems/user-blocked");
  await assert.rejects(seen.source.fetch(), { action: "blocked", status: 403 });

  await seen.user.account("enabled");
  seen.bearer = undefined;
  await until(() => seen.live(seen.source.fetch({ force: true })).then(() => true, () => false));
  const { token } = await seen.source.fetch();
  await until(async () => (await seen.credential.getToken()).token === token);
});

test("a credential of a user who is blocked from the start is rejected with what the app should do", async (t) => {
  const seen = await session(t);
  await seen.source.fetch();
  await seen.user.account("disabled");
  await until(() => seen.live(seen.source.fetch({ force: true })).then(() => false, ({ action }) => action === "blocked"));
  await assert.rejects(seen.credential.getToken(), { action: "blocked", name: "BlockedError" });
});

test("a sign-out revokes the token before it resolves, and sends no further request", async (t) => {
  const seen = await session(t);
  const { token } = await seen.credential.getToken();
  seen.proxy.faults = ["lost"];
  const done = seen.source.signOut();
  await until(() => seen.proxy.broken === 1);
  await until(() => {
    t.mock.timers.tick(2 * SECOND);
    return seen.proxy.forwarded === 2;
  });
  await done;
  assert.equal((await introspect(token)).active, false);
  assert.equal(seen.source.state.name, "signed-out");
});

test("a laptop that slept for 9 hours has a new token when it wakes", async (t) => {
  const seen = await session(t);
  const first = await seen.credential.getToken();
  t.mock.timers.setTime(Date.now() + 9 * 60 * MINUTE); // the clock jumps; the timers stood still
  const second = await seen.credential.getToken();
  assert.notEqual(second.token, first.token);
  assert.equal((await introspect(second.token)).active, true);
  assert.ok(second.expiresOnTimestamp > Date.now());
});

test("no state and no error has a token or a bearer", async (t) => {
  const seen = await session(t);
  const shown = [];
  seen.source.subscribe((state) => shown.push(JSON.stringify(state), String(state.error?.stack), JSON.stringify(state.error?.cause ?? null)));
  const { token } = await seen.credential.getToken();
  seen.proxy.faults = ["lost", "captivePortal"];
  await seen.live(seen.source.fetch({ force: true }));
  await seen.user.account("disabled");
  await until(() => seen.live(seen.source.fetch({ force: true })).then(() => false, () => true));
  assert.ok(shown.length > 10);
  assert.ok(!shown.some((text) => text.includes(token) || text.includes(seen.bearer)));
});
