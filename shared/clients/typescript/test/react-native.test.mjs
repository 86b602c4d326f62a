// The client in an engine that has only what React Native has: its `fetch` is whatwg-fetch on XMLHttpRequest, and
// there is no page, no Web Locks, no BroadcastChannel, no atob, no DOMException, and no AbortSignal.timeout.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import vm from "node:vm";

import { build } from "esbuild";

import { XMLHttpRequest } from "./xml-http-request.mjs";

/** The AbortController of React Native is a polyfill without `reason`, `throwIfAborted`, `any` and `timeout`. */
class AbortController {
  signal = {
    aborted: false,
    listeners: new Set(),
    addEventListener: (_, listener) => this.signal.listeners.add(listener),
    removeEventListener: (_, listener) => this.signal.listeners.delete(listener),
  };

  abort() {
    this.signal.aborted = true;
    for (const listener of this.signal.listeners) listener();
  }
}

const entry = `
  import "whatwg-fetch";
  export { createTokenSource } from "guestpass-client";
`;

async function reactNative() {
  const bundled = await build({
    stdin: { contents: entry, resolveDir: import.meta.dirname ?? new URL(".", import.meta.url).pathname },
    bundle: true,
    format: "iife",
    globalName: "client",
    write: false,
  });
  const context = vm.createContext({ setTimeout, clearTimeout, XMLHttpRequest, AbortController });
  vm.runInContext("var self = globalThis, global = globalThis, window = globalThis, navigator = { product: 'ReactNative' };", context);
  vm.runInContext(bundled.outputFiles[0].text, context);
  return context.client;
}

/** A server that answers with what `handlers` say, in their order. */
async function serve(t, ...handlers) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handlers.shift()(response);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

const token = (response) => {
  const body = { token: "t1", expiresIn: 3600, expiresOnTimestamp: Date.now() + 3_600_000, user: { communicationUserId: "8:acs:user" } };
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
};

async function sourceOf(t, options) {
  const { createTokenSource } = await reactNative();
  const source = createTokenSource({ getBearer: () => "bearer-1", ...options });
  t.after(() => source.dispose());
  return source;
}

test("a token is fetched with React Native's fetch, under the URL as it is", async (t) => {
  const { url, requests } = await serve(t, token);
  const source = await sourceOf(t, { url, request: { scopes: ["voip"] } });
  assert.equal((await source.fetch()).token, "t1");
  assert.equal(source.state.name, "ready");
  const [{ url: path, method, headers }] = requests;
  assert.deepEqual([method, path, headers.authorization, headers["content-type"]], ["POST", "/v1/token", "Bearer bearer-1", "application/json"]);
});

test("a lost connection is a temporary error, and wake() repeats the request at once", async (t) => {
  const { url } = await serve(t, (response) => response.destroy(), token);
  const source = await sourceOf(t, { url });
  const waiting = new Promise((resolve) => source.subscribe(({ name, error }) => name === "waiting" && resolve(error)));
  const fetched = source.fetch();
  const error = await waiting;
  assert.equal(error.action, "retry");
  assert.equal(error.cause.message, "Network request failed");
  source.wake();
  assert.equal((await fetched).token, "t1");
});

test("a redirect, which React Native follows, to the page of a captive portal is a temporary error", async (t) => {
  const page = (response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<html>");
  const { url } = await serve(t, (response) => response.writeHead(302, { Location: "/portal" }).end(), page);
  const source = await sourceOf(t, { url });
  await assert.rejects(source.fetch({ maxWaitMs: 500 }), { action: "retry", status: 200 });
});

test("a request without a response is aborted", async (t) => {
  const { url } = await serve(t, () => {});
  const source = await sourceOf(t, { url, timeoutMs: 50 });
  await assert.rejects(source.fetch({ maxWaitMs: 500 }), { action: "retry", name: "RetryLaterError" });
});

test("Retry-After and the problem are read from React Native's headers and body", async (t) => {
  const problem = { type: "/problems/user-blocked", title: "User is blocked", status: 403, retry: "never" };
  const { url } = await serve(t, (response) =>
    response.writeHead(403, { "X-Request-Id": "r-7", "Content-Type": "application/problem+json" }).end(JSON.stringify(problem)));
  const source = await sourceOf(t, { url });
  await assert.rejects(source.fetch(), { action: "blocked", type: "/problems/user-blocked", requestId: "r-7" });
});
