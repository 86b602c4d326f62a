// The local stack that the tests use: its addresses, its users and its administrator.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

export const places = JSON.parse(readFileSync(process.env.STACK_JSON, "utf8"));

async function json(request) {
  const answer = await request;
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

async function bearer(claims) {
  return (await json(fetch(`${places.issuer}/token`, { method: "POST", body: new URLSearchParams(claims) }))).access_token;
}

/** A user whom no other test has, and what the identity provider and an administrator do to them. */
export class User {
  sub = `user-${randomUUID()}`;

  /** A new bearer. */
  signIn = () => bearer({ sub: this.sub, scope: "guestpass.token" });

  /** A bearer and an Entra token of the same Teams user, as Entra issues both. */
  teams = {
    oid: randomUUID(),
    tid: randomUUID(),
    appId: randomUUID(),
    signIn: () => bearer({ sub: this.sub, scope: "guestpass.token", oid: this.teams.oid, tid: this.teams.tid }),
    getToken: async () => {
      const { oid, tid: tenant, appId } = this.teams;
      const body = JSON.stringify({ oid, tenant, appId });
      return (await json(fetch(`${places.acs.http}/_emulator/entra/token`, { method: "POST", body }))).token;
    },
  };

  /** Signs the user out on another device. */
  async signOutElsewhere() {
    const headers = { Authorization: `Bearer ${await this.signIn()}` };
    const { status } = await fetch(`${places.gateway}/v1/token`, { method: "DELETE", headers });
    if (status !== 200) throw new Error(`the sign-out answered ${status}`);
  }

  /** Tells the service that the identity provider did this to the account: `disabled` or `enabled`. */
  async account(event) {
    const body = JSON.stringify({ sub: this.sub, event: `account-${event}` });
    await json(fetch(`${places.console}/_local/signals/google`, { method: "POST", body }));
  }
}

/** What the emulator of ACS knows about a token: whether it is active, and if not, why. */
export const introspect = (token) =>
  json(fetch(`${places.acs.http}/_emulator/introspect`, { method: "POST", body: JSON.stringify({ token }) }));

/** Waits until `condition` holds, on the real clock, also while timers are mocked. */
export async function until(condition, what = condition, seconds = 10) {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`this did not come true within ${seconds} s: ${what}`);
    await setImmediate();
  }
}
