// Microsoft's credential with the packed client in a real browser, against the local stack behind a proxy that breaks
// requests. As in AWS, the answers of the gateway itself have no headers of CORS: the page sees a network error.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { build } from "esbuild";

import { startProxy } from "./chaos.mjs";
import { Chromium } from "./chromium.mjs";
import { introspect, places, until, User } from "./stack.mjs";

const HOUR = 3_600_000;

let browser;
let pages;
let proxy;

before(async () => {
  const { outputFiles } = await build({ entryPoints: ["page.mjs"], bundle: true, format: "iife", write: false });
  const html = `<!doctype html><script src="/app.js"></script>`;
  pages = createServer(({ url }, response) =>
    url === "/app.js"
      ? response.writeHead(200, { "Content-Type": "text/javascript" }).end(outputFiles[0].contents)
      : response.writeHead(200, { "Content-Type": "text/html" }).end(html));
  await new Promise((ready) => pages.listen(new URL(process.env.PAGE_ORIGIN).port, "127.0.0.1", ready));
  proxy = await startProxy(places.gateway);
  browser = new Chromium(process.env.CHROMIUM);
});

after(async () => {
  await browser?.close();
  proxy?.close();
  pages?.closeAllConnections();
  pages?.close();
});

beforeEach(() => Object.assign(proxy, { faults: [], forwarded: 0, broken: 0, held: undefined }));

afterEach(() => browser.closeTabs());

const start = (tab, { sub }) => tab.evaluate(`start(${JSON.stringify({ gateway: proxy.url, issuer: places.issuer, sub })})`);

/** A tab in which a user is signed in. The credential requests its first token at once. */
async function open(user) {
  const tab = await browser.open(process.env.PAGE_ORIGIN);
  await start(tab, user);
  return tab;
}

const active = async (token) => (await introspect(token)).active;

test("a page gets a token, and has a new one after its laptop slept for 9 hours", async () => {
  const tab = await open(new User());
  const first = await tab.evaluate("app.token()");
  assert.equal(await active(first), true);
  await tab.evaluate(`app.sleep(${9 * HOUR})`);
  await until(async () => (await tab.evaluate("app.states.filter((name) => name === 'ready').length")) === 2); // without a call
  const second = await tab.evaluate("app.token()");
  assert.notEqual(second, first);
  assert.equal(await active(second), true);
  assert.equal(proxy.forwarded, 2);
  assert.deepEqual(await tab.evaluate("app.unhandled"), []);
});

test("a page survives 503s, 429s and lost connections, which have no headers of CORS", async () => {
  proxy.faults = ["lost", "unavailable", "throttled"];
  const tab = await open(new User());
  assert.equal(await active(await tab.evaluate("app.token()")), true);
  assert.equal(proxy.broken, 3);
  // Chromium itself repeats a request whose connection was lost.
  assert.deepEqual(new Set(await tab.evaluate("app.states")), new Set(["requesting", "waiting", "ready"]));
});

test("a 401 that looks like a network error in a page gets a new bearer, once", async () => {
  proxy.faults = ["unauthorized"];
  const tab = await open(new User());
  await tab.evaluate("app.token()");
  assert.equal(await tab.evaluate("app.bearers"), 2);
});

test("a page without network goes on as soon as the network is back", async () => {
  const tab = await open(new User());
  const first = await tab.evaluate("app.token()");
  await tab.send("Network.enable");
  await tab.offline(true);
  await tab.evaluate(`app.sleep(${9 * HOUR})`);
  await tab.evaluate("app.reach('waiting')");
  const token = tab.evaluate("app.token()");
  await until(async () => (await tab.evaluate("app.states.filter((name) => name === 'waiting').length")) > 2);
  const retryAt = await tab.evaluate("app.source.state.retryAt");
  await tab.offline(false);
  assert.notEqual(await token, first);
  assert.ok((await tab.evaluate("Date.now()")) < retryAt, "it waited for the next try");
  assert.equal(await tab.evaluate("app.source.state.name"), "ready");
});

test("an ended session and a block reach the page as states, and the credential goes on after each", async () => {
  const user = new User();
  const tab = await open(user);
  const first = await tab.evaluate("app.token()");
  await user.signOutElsewhere();
  await tab.evaluate("app.session = 'ended'");
  assert.equal(await tab.evaluate("app.fetch({ force: true })"), "sign-in");
  assert.equal(await active(first), false);
  await tab.evaluate("app.session = 'new'");
  const second = await tab.evaluate("app.fetch()");
  assert.equal(await active(second), true);

  await user.account("disabled");
  await until(async () => !(await active(second)));
  assert.equal(await tab.evaluate("app.fetch({ force: true })"), "blocked");
  assert.equal(await tab.evaluate("app.source.state.name"), "blocked");
  await user.account("enabled");
  await until(async () => (await tab.evaluate("app.fetch({ force: true })")).length > 20);
  assert.deepEqual(await tab.evaluate("app.unhandled"), []);
});

test("tabs of one user share one request and one token, and sign out together", async () => {
  const user = new User();
  const tabs = [];
  for (let number = 0; number < 4; number += 1) tabs.push(await browser.open(process.env.PAGE_ORIGIN));
  proxy.held = [];
  await Promise.all(tabs.map((tab) => start(tab, user)));
  await until(async () => (await tabs[0].evaluate("navigator.locks.query().then(({ pending }) => pending.length)")) === 3);
  proxy.release();
  const tokens = await Promise.all(tabs.map((tab) => tab.evaluate("app.token()")));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(proxy.forwarded, 1);

  const late = await open(user);
  assert.equal(await late.evaluate("app.token()"), tokens[0]);
  assert.equal(proxy.forwarded, 1);

  await tabs[0].evaluate("app.source.signOut()");
  assert.equal(await active(tokens[0]), false);
  for (const tab of [...tabs, late]) assert.equal(await tab.evaluate("app.reach('signed-out')"), true);
});

test("tabs of two users share nothing", async () => {
  const [one, other] = [await open(new User()), await open(new User())];
  const first = await one.evaluate("app.token()");
  assert.notEqual(await other.evaluate("app.token()"), first);
  assert.equal(proxy.forwarded, 2);
  await one.evaluate("app.source.signOut()");
  assert.equal(await other.evaluate("app.source.state.name"), "ready");
});
