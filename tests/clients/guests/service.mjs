// A service that admits guests by the rules of POST /v1/guest/token, with the page on its own origin, as behind one
// CloudFront distribution. It stands in for the functions, so that a test can put an invitation into any state.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { json } from "node:stream/consumers";

const FOLDER = `${process.env.REPOSITORY}/shared/clients/guest-page/`;
const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml" };
const HOUR = 3_600_000;

/** An invitation, with what the back end of an app does with it. */
class Invitation {
  handle = `gp_${randomBytes(16).toString("base64url")}`;
  devices = new Map();
  wrongPins = 0;
  /** What every request is answered with, whatever the rules say. */
  answer = undefined;

  constructor(origin, { pin, displayName = "Ada Lovelace", opensIn = 0, closesIn = HOUR }) {
    Object.assign(this, { displayName, link: `${origin}/join/#${this.handle}`, pin: pin && "483920" });
    this.opensAt = Date.now() + opensIn;
    this.closesAt = Date.now() + closesIn;
  }

  /** How many devices were admitted. */
  used = () => this.devices.size;

  /** Why a device is refused; nothing if it is admitted. */
  refusal({ device, pin }) {
    if (this.revoked) return ["invitation-revoked", 410];
    if (Date.now() >= this.closesAt) return ["invitation-closed", 410];
    if (Date.now() < this.opensAt) return ["invitation-not-open", 403, "later"];
    if (this.devices.has(device)) return undefined;
    if (this.wrongPins === 10) return ["invitation-locked", 403];
    if (this.devices.size === 1) return ["invitation-used-up", 403];
    if (this.pin && !pin) return ["pin-required", 403];
    if (this.pin && pin !== this.pin) return ["pin-wrong", 403, "never", (this.wrongPins += 1)];
    this.devices.set(device, `8:acs:${randomBytes(8).toString("hex")}`);
    return undefined;
  }

  token(device) {
    const now = Date.now();
    return {
      token: randomBytes(8).toString("hex"),
      expiresOnTimestamp: now + HOUR,
      expiresIn: HOUR / 1000,
      refreshAfter: new Date(now + (HOUR * 2) / 3).toISOString(),
      user: { communicationUserId: this.devices.get(device) },
      meeting: { joinUrl: "https://teams.microsoft.com/l/meetup-join/1" },
      displayName: this.displayName,
      opensAt: new Date(this.opensAt).toISOString(),
      closesAt: new Date(this.closesAt).toISOString(),
    };
  }
}

/** A problem document, as the service answers with it. */
export const problem = (name, status, retry = "never") => ({ status, body: { type: `/problems/${name}`, title: name, status, retry } });

export async function startService() {
  const headers = JSON.parse(readFileSync(`${FOLDER}headers.json`, "utf8"));
  const invitations = new Map();
  const exchange = (body) => {
    const invitation = invitations.get(body.handle);
    if (invitation?.answer) return invitation.answer;
    const [name, status, retry] = (invitation ? invitation.refusal(body) : ["invitation-unknown", 404]) ?? [];
    return name ? problem(name, status, retry) : { status: 200, body: invitation.token(body.device) };
  };
  const server = createServer(async (request, response) => {
    const { method, url } = request;
    if (url === "/v1/guest/token" && method === "POST") {
      const { status, body } = exchange(await json(request));
      return response.writeHead(status, { "Content-Type": "application/json", "Retry-After": "120" }).end(JSON.stringify(body));
    }
    const name = url === "/join/" ? "index.html" : url.replace(/^\/join\//, "");
    if (name === "config.json" && service.config) return response.writeHead(200, headers).end(JSON.stringify(service.config));
    if (!/^[\w.-]+$/.test(name)) return response.writeHead(404).end();
    return response.writeHead(200, { ...headers, "Content-Type": KINDS[extname(name)] }).end(readFileSync(FOLDER + name));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const service = {
    /** What takes the place of config.json, if set. */
    config: undefined,
    origin,
    exchange,
    invite(members = {}) {
      const invitation = new Invitation(origin, members);
      invitations.set(invitation.handle, invitation);
      return invitation;
    },
    close: () => (server.closeAllConnections(), server.close()),
  };
  return service;
}
