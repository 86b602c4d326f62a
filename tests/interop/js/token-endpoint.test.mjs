// Our own token endpoint, as web apps use it with @azure/communication-common.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { introspect, issue, signIn, tokenEndpoint } from "./helpers.mjs";

/** A credential that is disposed of when the test ends. */
function credential(t, options) {
  const made = new AzureCommunicationTokenCredential(options);
  t.after(() => made.dispose());
  return made;
}

test("a refresher that gives the token gets the credential an active one", async (t) => {
  const user = await signIn();
  const tokenRefresher = async () => (await issue(user)).token;
  const { token } = await credential(t, { tokenRefresher, refreshProactively: true }).getToken();
  assert.equal((await introspect(token)).active, true);
});

test("a refresher may give our answer as it is", async (t) => {
  const user = await signIn();
  const answers = [];
  const tokenRefresher = async () => {
    answers.push(await issue(user));
    return answers.at(-1);
  };
  const held = await credential(t, { tokenRefresher }).getToken();
  assert.equal(answers.length, 1);
  assert.equal(held.token, answers[0].token);
  // Milliseconds: it is our number, not the whole seconds inside of the token.
  assert.equal(held.expiresOnTimestamp, answers[0].expiresOnTimestamp);
  assert.equal((await introspect(held.token)).active, true);
});

test("a credential may begin with our answer as it is", async (t) => {
  const answer = await issue(await signIn());
  assert.equal((await credential(t, answer).getToken()).token, answer.token);
});

test("a token that is not about to end is not fetched again", async (t) => {
  const user = await signIn();
  let calls = 0;
  const tokenRefresher = async () => {
    calls += 1;
    return (await issue(user)).token;
  };
  const holder = credential(t, { tokenRefresher });
  const first = await holder.getToken();
  assert.equal((await holder.getToken()).token, first.token);
  assert.equal(calls, 1);
});

test("the SDK reads from the token the expiry that stands beside it", async (t) => {
  const answer = await issue(await signIn());
  const decoded = await credential(t, answer.token).getToken();
  assert.ok(Math.abs(decoded.expiresOnTimestamp - Date.parse(answer.expiresOn)) < 2000);
});

test("the expiry is a moment for JavaScript", async () => {
  const answer = await issue(await signIn());
  assert.equal(Date.parse(answer.expiresOn), answer.expiresOnTimestamp);
  const left = (answer.expiresOnTimestamp - Date.now()) / 1000;
  assert.ok(Math.abs(left - answer.expiresIn) < 5, `${left} s are left`);
  assert.ok(Date.parse(answer.refreshAfter) > Date.now());
  assert.ok(Date.parse(answer.refreshAfter) < answer.expiresOnTimestamp);
});

test("GET and POST give tokens alike, and no cache may keep them", async () => {
  const user = await signIn();
  const answers = await Promise.all(["GET", "POST"].map((method) => tokenEndpoint(method, user)));
  assert.deepEqual(answers.map((answer) => answer.status), [200, 200]);
  for (const answer of answers) assert.equal(answer.headers.get("cache-control"), "no-store");
  const [got, posted] = await Promise.all(answers.map((answer) => answer.json()));
  assert.deepEqual(Object.keys(got), Object.keys(posted));
  assert.deepEqual(got.user, posted.user);
});
