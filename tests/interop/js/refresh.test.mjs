// What a credential does when its token nears its end. The emulator's clock and the one of
// this process move together, so that nobody waits an hour. Gateway and functions stay in the
// present: only the emulator knows when a token ends.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { advanceEmulator, introspect, issue, signIn, until } from "./helpers.mjs";

const MINUTE = 60_000;

/** Mocks timers and `Date` from the emulator's present on; gives what moves both to a moment. */
async function commonClock(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: await advanceEmulator(0) });
  return async (moment) => {
    const milliseconds = moment - Date.now();
    await advanceEmulator(Math.ceil(milliseconds / 1000));
    t.mock.timers.tick(milliseconds);
  };
}

/** A credential whose refresher calls our endpoint, and how often that happened. */
async function refreshing(t, options) {
  const user = await signIn();
  const seen = { calls: 0 };
  const tokenRefresher = async () => {
    seen.calls += 1;
    return (await issue(user)).token;
  };
  seen.credential = new AzureCommunicationTokenCredential({ tokenRefresher, ...options });
  t.after(() => seen.credential.dispose());
  return seen;
}

test("a proactive credential has a new token ten minutes before the old one ends", async (t) => {
  const goTo = await commonClock(t);
  const seen = await refreshing(t, { refreshProactively: true });
  const first = await seen.credential.getToken();

  const due = first.expiresOnTimestamp - 10 * MINUTE;
  await goTo(due - 1000);
  assert.equal(seen.calls, 1);
  assert.equal((await seen.credential.getToken()).token, first.token);

  await goTo(due);
  assert.equal(seen.calls, 2);
  // Nobody asks for a token here that is not held already: the timer alone fetched it.
  await until(async () => (await seen.credential.getToken()).token !== first.token);
  const second = await seen.credential.getToken();
  assert.equal(seen.calls, 2);
  assert.ok(second.expiresOnTimestamp > first.expiresOnTimestamp);
  const known = await Promise.all([first, second].map(({ token }) => introspect(token)));
  assert.deepEqual(known.map(({ active }) => active), [true, true]);
  assert.equal(known[0].identity, known[1].identity);
});

test("a credential whose token has ended fetches a new one when it is asked", async (t) => {
  const goTo = await commonClock(t);
  const seen = await refreshing(t);
  const first = await seen.credential.getToken();
  await goTo(first.expiresOnTimestamp + MINUTE);
  assert.equal((await introspect(first.token)).reason, "expired");
  assert.equal(seen.calls, 1);

  const second = await seen.credential.getToken();
  assert.equal(seen.calls, 2);
  const known = await Promise.all([first, second].map(({ token }) => introspect(token)));
  assert.deepEqual(known.map(({ active }) => active), [false, true]);
  assert.equal(known[0].identity, known[1].identity);
});
