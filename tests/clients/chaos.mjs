// A proxy in front of the gateway that breaks requests as a test says, and counts the others.

import { createServer, request } from "node:http";

/** What can happen to a request instead of an answer of the service. */
export const FAULTS = {
  throttled: (_, response) => message(response, 429, "Too Many Requests"),
  crashed: (_, response) => message(response, 500, "Internal Server Error"),
  unavailable: (_, response) => message(response, 503, "Service Unavailable"),
  unauthorized: (_, response) => message(response, 401, "Unauthorized"),
  busy: (_, response) => problem(response, 503, "throttled", { "Retry-After": "2" }),
  badGateway: (_, response) => html(response, 502),
  gatewayTimeout: (_, response) => html(response, 504),
  captivePortal: (_, response) => html(response, 200),
  blockPage: (_, response) => html(response, 403),
  empty: (_, response) => response.writeHead(503).end(),
  lost: (incoming) => incoming.socket.destroy(),
};

function message(response, status, text) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ message: text }));
}

function problem(response, status, name, headers) {
  const body = { type: `/problems/${name}`, title: "Service is busy", status, detail: "Retry.", retry: "later" };
  response.writeHead(status, { "Content-Type": "application/problem+json", ...headers }).end(JSON.stringify(body));
}

function html(response, status) {
  response.writeHead(status, { "Content-Type": "text/html" }).end("<!doctype html><title>Not the service</title>");
}

/**
 * Starts the proxy. `faults` are names of FAULTS for the next requests; preflights always pass. While `held` is a list,
 * requests wait in it; `release` lets them pass.
 */
export async function startProxy(gateway) {
  const proxy = { faults: [], forwarded: 0, broken: 0 };
  proxy.release = () => {
    const { held } = proxy;
    proxy.held = undefined;
    held.forEach((pass) => pass());
  };
  const server = createServer((incoming, response) => {
    const fault = incoming.method === "OPTIONS" ? undefined : proxy.faults.shift();
    if (fault) {
      proxy.broken += 1;
      return FAULTS[fault](incoming, response);
    }
    if (incoming.method === "OPTIONS") return forward(gateway, incoming, response);
    proxy.forwarded += 1;
    const pass = () => forward(gateway, incoming, response);
    if (proxy.held) proxy.held.push(pass);
    else pass();
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return proxy;
}

function forward(gateway, incoming, response) {
  const { method, headers } = incoming;
  const onward = request(new URL(incoming.url, gateway), { method, headers: { ...headers, host: new URL(gateway).host } }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  incoming.pipe(onward);
}
