// Several tabs of one page, as sources in one process with virtual Web Locks and BroadcastChannels.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { createTokenSource } from "guestpass-client";

import { becomePage, jwtOf, settle, VirtualClock, VirtualServer } from "./virtual.mjs";

const locks = becomePage();
const DELETED = { status: 204, text: "" };

let open = [];

afterEach(async () => {
  open.forEach(({ source }) => source.dispose());
  open = [];
  await settle();
  assert.deepEqual([locks.held, locks.pending], [[], []]);
});

function openTab(answers, options = {}) {
  const clock = new VirtualClock();
  const server = new VirtualServer(clock, { answers });
  const states = [];
  const onState = ({ name }) => states.push(name);
  const source = createTokenSource({ url: "https://guestpass.example", getBearer: () => jwtOf("user"), fetch: server.fetch, clock, onState, ...options });
  const tab = { clock, states, source, sent: server.sent };
  open.push(tab);
  return tab;
}

const methods = ({ sent }) => sent.map((line) => line.split(" ")[0]);

test("a page may name the service by a path of its own origin", async () => {
  const urls = [];
  const { source } = openTab([], { url: "/api", fetch: async (url) => (urls.push(url), new Response('{"token":"t1","expiresIn":3600}')) });
  await source.fetch();
  assert.deepEqual(urls, ["/api/v1/token"]);
});

test("the second tab gets the token of the first one", async () => {
  const [one, other] = [openTab([{ token: "t1" }]), openTab([])];
  await one.source.fetch();
  assert.equal((await other.source.fetch()).token, "t1");
});

for (const [end, state] of [["signOut", "signed-out"], ["dispose", "disposed"]]) {
  test(`${end}() ends a request that waits for the lock of another tab`, async () => {
    const [one, other] = [openTab([{ hang: true }]), openTab([DELETED])];
    one.source.fetch().catch(() => {});
    await settle();
    const fetched = assert.rejects(other.source.fetch(), { action: "none" });
    await settle();
    assert.equal(locks.pending.length, 1);
    await other.source[end]();
    one.source.dispose(); // releases the lock
    await fetched;
    await settle();
    assert.equal(other.source.state.name, state);
    assert.deepEqual(other.states, [state]);
    assert.equal(methods(other).includes("POST"), false);
  });

  test(`${end}() ends a request that waits for the answer of another tab`, async () => {
    const [one, other] = [openTab([{ hang: true }], { request: {} }), openTab([DELETED], { request: {} })];
    one.source.fetch().catch(() => {});
    await settle();
    one.clock.timers.clear(); // a frozen tab: it has no token and does not answer
    const fetched = assert.rejects(other.source.fetch(), { action: "none" });
    await settle();
    await other.clock.run(10_000); // longer than another tab may hold the lock
    await other.source[end]();
    await other.clock.run(100);
    await fetched;
    assert.equal(other.source.state.name, state);
    assert.deepEqual(other.states, [state]);
    assert.equal(methods(other).includes("POST"), false);
  });
}

test("a 401 that arrives after the sign-out does not delete the token of the next session", async () => {
  const responses = [];
  const fetch = (_, { method }) => new Promise((resolve) => responses.push({ method, resolve }));
  const { source, clock } = openTab([], { fetch });
  const first = assert.rejects(source.fetch(), { action: "none" });
  await settle();
  const signedOut = source.signOut();
  await settle();
  responses[1].resolve(new Response(null, { status: 204 }));
  await Promise.all([first, signedOut]);
  const second = source.fetch();
  await clock.run(10_000); // the first request ignores its signal and keeps the lock
  responses[2].resolve(new Response(JSON.stringify({ token: "t2", expiresIn: 3600 })));
  await second;
  responses[0].resolve(new Response(JSON.stringify({ type: "/problems/signed-out", retry: "sign-in" }), { status: 401 }));
  await settle();
  assert.equal((await source.fetch()).token, "t2");
  assert.deepEqual(responses.map(({ method }) => method), ["POST", "DELETE", "POST"]);
});

/** A storage of one tab, or of several. */
function storage() {
  const kept = { load: async () => kept.value, save: async (value) => void (kept.value = value) };
  return kept;
}

test("a sign-out reaches a tab whose token came from the storage, and deletes its copy", async () => {
  const [mine, yours] = [storage(), storage()];
  const before = openTab([{ token: "t1" }], { storage: mine });
  await before.source.fetch();
  await settle();
  before.source.dispose();
  yours.value = mine.value;
  const [one, other] = [openTab([DELETED], { storage: mine }), openTab([], { storage: yours })];
  assert.equal((await one.source.fetch()).token, "t1");
  assert.equal((await other.source.fetch()).token, "t1");
  await one.source.signOut();
  await settle();
  assert.equal(other.source.state.name, "signed-out");
  assert.deepEqual([mine.value, yours.value], [null, null]);
});

test("a sign-out of a tab that has requested no token reaches the others", async () => {
  const [one, other] = [openTab([DELETED]), openTab([{ token: "t1" }])];
  await other.source.fetch();
  await one.source.signOut();
  await settle();
  assert.equal(other.source.state.name, "signed-out");
  assert.equal(one.source.state.name, "signed-out");
});

test("a tab without a shared channel stays signed in", async () => {
  const [one, other] = [openTab([DELETED]), openTab([{ token: "t1" }], { tabs: false })];
  await other.source.fetch();
  await one.source.signOut();
  await settle();
  assert.equal(other.source.state.name, "ready");
});

test("after a switch of the account, a tab offers no token of the other user", async () => {
  let user = "a";
  const one = openTab([{ token: "token-of-a" }, { hang: true }], { getBearer: () => jwtOf(user), storage: storage() });
  await one.source.fetch();
  user = "b";
  one.source.fetch({ force: true }).catch(() => {});
  await settle();
  assert.equal(one.source.state.name, "requesting");
  const other = openTab([{ token: "token-of-b" }], { getBearer: () => jwtOf("b") });
  const fetched = other.source.fetch();
  await settle();
  await other.clock.run(10_100);
  assert.equal((await fetched).token, "token-of-b");
  await settle();
  assert.equal((await one.source.fetch()).token, "token-of-b");
});
