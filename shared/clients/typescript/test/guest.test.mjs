// What the scenarios do not say about guests: the request itself, tabs, the storage of a page, and that no secret shows.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { inspect } from "node:util";

import { createTokenSource } from "guestpass-client";
import { createGuestTokenRefresher, createGuestTokenSource } from "guestpass-client/guest";

import { becomePage, settle, virtualDevice, VirtualClock, VirtualServer } from "./virtual.mjs";

const HANDLE = `gp_${"0".repeat(22)}`;
const DEVICE = "AAECAwQFBgcICQoLDA0ODw";
const PIN = "483920";

const problem = (name, status, retry = "never") => ({ status, body: { type: `/problems/${name}`, title: name, status, retry } });

let open = [];

afterEach(async () => {
  open.forEach((source) => source.dispose());
  open = [];
  for (const name of ["document", "localStorage"]) delete globalThis[name];
  await settle();
});

function openTab(answers, options = {}) {
  const clock = new VirtualClock();
  const device = virtualDevice(DEVICE);
  const server = new VirtualServer(clock, { answers });
  server.guest = { handle: HANDLE, device: options.device ?? device };
  const requests = [];
  const fetch = (url, request) => {
    requests.push({ url, ...request });
    return server.fetch(url, request);
  };
  const source = createGuestTokenSource({ url: "https://guestpass.example", handle: HANDLE, device, fetch, clock, ...options });
  open.push(source);
  return { clock, device, requests, server, source };
}

/** A page whose browser keeps what its pages store. */
function becomePageWithStorage(storage) {
  const locks = becomePage();
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
  return locks;
}

function browserStorage() {
  const kept = new Map();
  return { kept, getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => void kept.set(name, value) };
}

/** Waits for a result. If a message between tabs is lost, their time goes on until they stop waiting for it. */
async function ended(result, tabs) {
  let pending = true;
  const end = () => (pending = false);
  result.then(end, end);
  for (let round = 0; pending && round < 1_000; round += 1) {
    await settle();
    if (round > 500) await Promise.all(tabs.map(({ clock }) => clock.run(100)));
  }
  return result;
}

test("the request has handle, device and PIN in its body only, and neither a bearer nor cookies", async () => {
  const { source, requests } = openTab([{ token: "t1" }], { pin: PIN });
  await source.fetch();
  const [{ signal, ...request }] = requests;
  assert.deepEqual(request, {
    url: "https://guestpass.example/v1/guest/token",
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ handle: HANDLE, device: DEVICE, pin: PIN }),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  });
});

test("no error and no state shows the handle, the device, the PIN, the token or the meeting", async () => {
  const lost = async () => {
    throw new TypeError("Failed to fetch");
  };
  const seen = [];
  const record = (value) => seen.push(inspect(value, { depth: 9, showHidden: true }), value.message ?? "", JSON.stringify(value));
  const kinds = ["pin-wrong", "pin-required", "invitation-unknown", "invitation-closed", "invitation-revoked", "invitation-used-up", "invitation-locked", "user-blocked", "internal"];
  const cases = [
    ...kinds.map((kind) => ({ answers: [problem(kind, 403)] })),
    { answers: [problem("invitation-not-open", 403, "later")] },
    { answers: [{ html: true, status: 200 }] },
    { answers: [], fetch: lost },
    { answers: [], handle: `${HANDLE}x` },
    { answers: [], pin: `${PIN}x` },
    { answers: [], device: virtualDevice(DEVICE, "throws") },
    { answers: [{ token: "t1-secret" }] },
  ];
  for (const { answers, ...options } of cases) {
    const { source, clock } = openTab(answers, { pin: PIN, onState: record, ...options });
    source.fetch().catch(record);
    await settle();
    await clock.run(30_000);
    record(source.state);
  }
  const text = seen.join("\n");
  for (const secret of [HANDLE, DEVICE, PIN, "t1-secret", "teams.microsoft.com", "Ada"]) assert.equal(text.includes(secret), false, secret);
  assert.ok(seen.length > 60);
});

test("without a page and without a storage of the app, nothing is sent", async () => {
  const { source, requests } = openTab([], { device: undefined });
  await assert.rejects(source.fetch(), { action: "storage", message: /allow site data, or pass `device`/ });
  assert.equal(requests.length, 0);
});

test("a page keeps one secret in its localStorage, for all invitations and visits", async () => {
  const storage = browserStorage();
  becomePageWithStorage(storage);
  const devices = [];
  for (const digit of "012") {
    const handle = `gp_${digit.repeat(22)}`;
    const fetch = async (_, { body }) => (devices.push(JSON.parse(body).device), new Response("", { status: 404 }));
    const { source } = openTab([], { handle, device: undefined, fetch });
    await assert.rejects(source.fetch(), { action: "give-up" });
  }
  assert.match(devices[0], /^[\w-]{22}$/);
  assert.deepEqual(new Set(devices).size, 1);
  assert.deepEqual([...storage.kept], [["guestpass-device", devices[0]]]);
});

test("tabs that start at once make one device secret, and each knows the meeting", async () => {
  const locks = becomePageWithStorage(browserStorage());
  const device = virtualDevice();
  const slow = { ...device, load: async () => (await settle(), device.load()) };
  const tabs = [openTab([{ token: "t1" }], { device: slow }), openTab([{ token: "t1" }], { device: slow })];
  tabs.forEach(({ server }) => (server.guest.device = device));
  const tokens = await ended(Promise.all(tabs.map(({ source }) => source.fetch())), tabs);
  assert.deepEqual(tokens.map(({ token }) => token), ["t1", "t1"]);
  assert.deepEqual(tokens[1].meeting, { joinUrl: "https://teams.microsoft.com/l/meetup-join/1" });
  assert.equal(device.created.length, 1);
  const devices = tabs.flatMap(({ requests }) => requests).map(({ body }) => JSON.parse(body).device);
  assert.equal(new Set(devices).size, 1, "a tab that hears nothing of the other one asks as the same device");
  const names = locks.held.map(({ name }) => name).join();
  assert.equal(names.includes(HANDLE), false);
});

test("tabs of two invitations share no token", async () => {
  becomePageWithStorage(browserStorage());
  const one = openTab([{ token: "t1" }]);
  const handle = `gp_${"1".repeat(22)}`;
  const other = openTab([{ token: "t2" }], { handle });
  other.server.guest.handle = handle;
  assert.deepEqual([(await one.source.fetch()).token, (await other.source.fetch()).token], ["t1", "t2"]);
});

test("a user's tab and a guest's tab share no token", async () => {
  becomePageWithStorage(browserStorage());
  const guest = openTab([{ token: "t1" }]);
  await guest.source.fetch();
  const clock = new VirtualClock();
  const { fetch } = new VirtualServer(clock, { answers: [{ token: "t2" }] });
  const user = createTokenSource({ url: "https://guestpass.example", getBearer: () => "bearer-1", fetch, clock });
  open.push(user);
  assert.equal((await user.fetch()).token, "t2");
});

test("the refresher of a guest gives Microsoft's class what it reads, and nothing more", async () => {
  const { source } = openTab([{ token: "t1" }]);
  const refresher = createGuestTokenRefresher(source);
  assert.equal(refresher.source, source);
  assert.deepEqual(Object.keys(await refresher()), ["token", "expiresOnTimestamp"]);
});

test("nothing is sent and nothing is stored before the first call", async () => {
  const { clock, device, requests } = openTab([], { device: virtualDevice() });
  await clock.run(10_000_000);
  assert.deepEqual([requests, device.created], [[], []]);
});
