// What the scenarios do not say: the request itself, listeners, signals, and what is left behind.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createTokenRefresher, createTokenSource } from "guestpass-client";

import { settle, VirtualClock, VirtualServer } from "./virtual.mjs";

function fixture(answers, options = {}) {
  const clock = new VirtualClock();
  const server = new VirtualServer(clock, { answers });
  const requests = [];
  const fetch = (url, request) => {
    requests.push({ url, ...request });
    return server.fetch(url, request);
  };
  const source = createTokenSource({ url: "https://guestpass.example", getBearer: () => "bearer-1", fetch, clock, ...options });
  return { clock, requests, source };
}

test("the request has the bearer and the wish as JSON, no cookies, and follows no redirect", async () => {
  const { source, requests } = fixture([{ token: "t1" }, { status: 204, text: "" }], { request: { scopes: ["voip"], expiresInMinutes: 60 } });
  await source.fetch();
  await source.signOut();
  const [post, remove] = requests.map(({ signal, ...request }) => request);
  const common = { url: "https://guestpass.example/v1/token", cache: "no-store", credentials: "omit", redirect: "error" };
  const body = '{"scopes":["voip"],"expiresInMinutes":60}';
  assert.deepEqual(post, { ...common, method: "POST", headers: { Authorization: "Bearer bearer-1", "Content-Type": "application/json" }, body });
  assert.deepEqual(remove, { ...common, method: "DELETE", headers: { Authorization: "Bearer bearer-1" } });
});

test("without a wish, the request has no body", async () => {
  const { source, requests } = fixture([{ token: "t1" }]);
  await source.fetch();
  assert.equal("body" in requests[0] || "Content-Type" in requests[0].headers, false);
});

test("an address without https:// fails for good, and sends nothing", async () => {
  for (const url of [undefined, "", "api.example.com", "localhost:3000", "https://", "ftp://example.com", "/api"]) {
    const { source, requests } = fixture([], { url });
    await assert.rejects(source.fetch(), { action: "give-up", message: "`url` must begin with https://" }, `${url}`);
    assert.equal(source.state.name, "failed");
    assert.deepEqual(requests, []);
  }
});

test("no timer is left after the calls have ended, except the one of the refresh", async () => {
  const { source, clock } = fixture([{ network: true }, { token: "t1" }]);
  const fetched = source.fetch();
  await settle();
  source.wake();
  await fetched;
  await settle();
  assert.equal(clock.timers.size, 1);
  source.dispose();
  await settle();
  assert.equal(clock.timers.size, 0);
});

test("a sign-out and a disposal abort the request that is under way", async () => {
  for (const end of ["signOut", "dispose"]) {
    const { source, requests } = fixture([{ hang: true }, { status: 204, text: "" }]);
    const fetched = assert.rejects(source.fetch(), { action: "none" });
    await settle();
    assert.equal(requests[0].signal.aborted, false);
    source[end]();
    assert.equal(requests[0].signal.aborted, true);
    await fetched;
  }
});

test("a response that arrives after the sign-out changes nothing", async () => {
  const answers = [];
  const fetch = () => new Promise((resolve) => answers.push(resolve));
  const { source } = fixture([], { fetch });
  const fetched = assert.rejects(source.fetch(), { action: "none" });
  await settle();
  const signedOut = source.signOut();
  await settle();
  const body = JSON.stringify({ token: "late", expiresIn: 3600 });
  answers[0](new Response(body, { status: 200 }));
  answers[1](new Response(null, { status: 204 }));
  await Promise.all([fetched, signedOut]);
  await settle();
  assert.equal(source.state.name, "signed-out");
});

test("a bearer that arrives after the sign-out is not sent", async () => {
  const bearers = [];
  const { source, requests } = fixture([{ status: 204, text: "" }], { getBearer: () => new Promise((resolve) => bearers.push(resolve)) });
  const fetched = assert.rejects(source.fetch(), { action: "none" });
  await settle();
  const signedOut = source.signOut();
  await settle();
  bearers.forEach((arrive) => arrive("bearer-1"));
  await Promise.all([fetched, signedOut]);
  assert.deepEqual(requests.map(({ method }) => method), ["DELETE"]);
});

test("a bearer that arrives after the sign-out was rejected does not revoke the next session", async () => {
  const bearers = [];
  const { source, clock, requests } = fixture([{ token: "t1" }], { getBearer: () => new Promise((resolve) => bearers.push(resolve)) });
  const signedOut = assert.rejects(source.signOut(), { action: "retry" });
  await clock.run(30_000);
  await signedOut;
  const fetched = source.fetch();
  await settle();
  bearers[1]("bearer-2");
  assert.equal((await fetched).token, "t1");
  bearers[0]("bearer-1");
  await settle();
  assert.deepEqual(requests.map(({ method }) => method), ["POST"]);
});

test("a listener that throws is reported as an uncaught error, and stops nothing", async () => {
  const { source, clock } = fixture([{ token: "t1" }]);
  const seen = [];
  source.subscribe(() => {
    throw new Error("the listener of the app");
  });
  source.subscribe(({ name }) => seen.push(name));
  assert.equal((await source.fetch()).token, "t1");
  assert.deepEqual(seen, ["requesting", "ready"]);
  await assert.rejects(clock.run(0), { message: "the listener of the app" });
});

test("a listener that left sees no further state", async () => {
  const { source } = fixture([{ token: "t1" }]);
  const seen = [];
  const leave = source.subscribe(({ name }) => {
    seen.push(name);
    leave();
  });
  await source.fetch();
  assert.deepEqual(seen, ["requesting"]);
});

test("a signal that is already aborted ends the call as an AbortError, and its listeners are removed", async () => {
  const { source } = fixture([{ token: "t1" }]);
  await assert.rejects(source.fetch({ signal: AbortSignal.abort() }), { name: "AbortError", action: "none" });
  const listeners = new Set();
  const signal = { aborted: false, addEventListener: (_, one) => listeners.add(one), removeEventListener: (_, one) => listeners.delete(one) };
  await source.fetch({ signal });
  await settle();
  assert.equal(listeners.size, 0);
});

test("a storage and an error of the app that fail stop nothing", async () => {
  const broken = async () => {
    throw new Error("the storage is locked");
  };
  const { source } = fixture([{ token: "t1" }], { storage: { load: broken, save: broken } });
  assert.equal((await source.fetch()).token, "t1");
});

test("a slow save of a token does not overwrite the deletion of a sign-out", async () => {
  const saves = [];
  const storage = { load: async () => storage.value, save: (value) => new Promise((saved) => saves.push(() => saved((storage.value = value)))) };
  const { source } = fixture([{ token: "t1" }, { status: 204, text: "" }], { storage });
  await source.fetch();
  await source.signOut();
  for (let save = saves.pop(); save; save = saves.pop()) { // the last one first, if there are several
    save();
    await settle();
  }
  assert.equal(storage.value, null);
});

test("a token that is being deleted is not loaded", async () => {
  const events = [];
  const storage = { load: async () => void events.push("load"), save: (value) => new Promise((saved) => events.push(`save ${value}`, saved)) };
  const { source } = fixture([{ status: 204, text: "" }, { token: "t1" }], { storage });
  await source.signOut();
  const fetched = source.fetch();
  await settle();
  assert.deepEqual([events.length, events[0]], [2, "save null"]);
  events[1]();
  assert.equal((await fetched).token, "t1");
  assert.equal(events[2], "load");
});

test("what getBearer throws decides: a missing sign-in ends, anything else is retried", async () => {
  const errors = [
    { name: "InteractionRequiredAuthError" }, { errorCode: "login_required" }, { error: "invalid_grant" }, { error: "missing_refresh_token" },
    { name: "UserUnAuthenticatedException" }, { name: "NotAuthorizedException" }, { code: "auth/user-token-expired" }, { code: "ui_required" },
  ];
  for (const error of errors) {
    const { source } = fixture([], { getBearer: () => Promise.reject(Object.assign(new Error("no"), error)) });
    await assert.rejects(source.fetch(), { action: "sign-in" }, JSON.stringify(error));
  }
  for (const thrown of [new TypeError("Failed to fetch"), null, "text"]) {
    const { source, clock } = fixture([], { getBearer: () => Promise.reject(thrown) });
    const fetched = assert.rejects(source.fetch({ maxWaitMs: 10 }), { action: "retry", cause: thrown });
    await clock.run(10);
    await fetched;
  }
});

test("refreshers of one source share its tokens, each for one credential", async () => {
  const { source } = fixture([{ token: "t1" }, { token: "t2" }]);
  const [one, other] = [createTokenRefresher(source), createTokenRefresher(source)];
  assert.equal(one.source, source);
  assert.deepEqual(await one(), await other());
  assert.deepEqual(Object.keys(await one()), ["token", "expiresOnTimestamp"]);
});
