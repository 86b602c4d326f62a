// The stack under test, and what the tests ask of it.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

export const places = JSON.parse(readFileSync(process.env.STACK_JSON, "utf8"));

export const { acs } = places;

async function json(request) {
  const answer = await request;
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}`);
  return answer.json();
}

const control = (path, body) =>
  fetch(`${acs.http}/_emulator/${path}`, { method: "POST", body: JSON.stringify(body) });

/** What the emulator knows about a token: whether it is active, and if not, why. */
export const introspect = (token) => json(control("introspect", { token }));

/** The latest calls that the emulator answered. */
export const requests = async () => (await json(fetch(`${acs.http}/_emulator/requests`))).requests;

/** A token of the emulator's Entra issuer: `{ token, claims }`. */
export const entraToken = (order) => json(control("entra/token", order));

/** Moves the emulator's clock, and says where it stands then, in milliseconds. */
export async function advanceEmulator(advanceSeconds) {
  const { now } = await json(control("clock", { advanceSeconds }));
  return Date.parse(now);
}

/** The sign-in of a user nobody else has, as a header. */
export async function signIn() {
  const body = new URLSearchParams({ sub: `user-${randomUUID()}`, scope: "guestpass.token" });
  const answer = await json(fetch(`${places.issuer}/token`, { method: "POST", body }));
  return { Authorization: `Bearer ${answer.access_token}` };
}

/** Calls our token endpoint. */
export const tokenEndpoint = (method, headers) =>
  fetch(`${places.gateway}/v1/token`, { method, headers });

/** The body with which our token endpoint answers a user who is signed in. */
export const issue = (headers) => json(tokenEndpoint("POST", headers));

/** Waits until `condition` holds, on the real clock, also while timers are mocked. */
export async function until(condition) {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("this did not come true within 10 s");
    await setImmediate();
  }
}
