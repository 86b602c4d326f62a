// What a scenario replaces: the clock, the network, the identity provider and the storage.

import { setImmediate } from "node:timers/promises";

/** The moment at which each scenario starts. */
const START = Date.parse("2026-11-22T12:00:00Z");

/** What the service says to a guest beside the token. */
const INVITATION = {
  meeting: { joinUrl: "https://teams.microsoft.com/l/meetup-join/1" },
  displayName: "Ada",
  opensAt: "2026-11-22T11:45:00Z",
  closesAt: "2026-11-22T15:00:00Z",
};

/** A clock whose timers run only when the scenario says so, and which can jump as in sleep. */
export class VirtualClock {
  ran = 0;
  slept = 0;
  timers = new Set();
  fraction = 0;

  now = () => START + this.ran + this.slept;
  random = () => this.fraction;
  after = (milliseconds, action) => {
    const timer = { at: this.ran + milliseconds, action };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };

  seconds = (moment = this.now()) => Math.round(moment - START) / 1000;

  /** Runs the timers of the next `milliseconds`, each at its time. */
  async run(milliseconds) {
    const end = this.ran + milliseconds;
    for (;;) {
      await settle();
      const [next] = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers.delete(next);
      this.ran = Math.max(this.ran, next.at);
      next.action();
    }
    this.ran = end;
  }
}

/** Lets everything run that waits for no timer. */
export async function settle() {
  for (let round = 0; round < 5; round += 1) await setImmediate();
}

/** A `fetch` that gives the answers of a scenario in their order. */
export class VirtualServer {
  sent = [];

  constructor(clock, { answers, repeatLast, deviceAhead = 0 }) {
    Object.assign(this, { clock, answers: [...answers], repeatLast, deviceAhead });
  }

  fetch = async (url, request) => {
    const { method, signal } = request;
    this.sent.push(`${method} ${this.proofOf(url, request)}`);
    const answer = this.repeatLast && this.answers.length === 1 ? this.answers[0] : this.answers.shift();
    if (!answer) {
      this.unexpected = `the scenario has no answer for request ${this.sent.length}`;
      throw new Error(this.unexpected);
    }
    if (answer.network) throw new TypeError("Failed to fetch");
    if (answer.hang) return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    return new Response(this.bodyOf(answer) || null, { status: answer.status ?? 200, headers: this.headersOf(answer) });
  };

  /** What a request proves: the bearer, with the Entra token of a Teams user, or the device and the PIN. */
  proofOf(url, { method, headers, body }) {
    const teams = this.teams && method === "POST";
    const path = this.guest ? "/v1/guest/token" : teams ? "/v1/token/teams" : "/v1/token";
    if (url !== `https://guestpass.example${path}`) this.unexpected = `the URL is ${url}`;
    const bearer = headers.Authorization?.replace(/^Bearer /, "");
    if (teams) {
      const { appId, token, ...rest } = JSON.parse(body);
      if (appId !== "app" || Object.keys(rest).length > 0) this.unexpected = `the body is ${body}`;
      return `${bearer} ${token}`;
    }
    if (!this.guest) return bearer;
    const { handle, device, pin, ...rest } = JSON.parse(body);
    const wrong = headers.Authorization || handle !== this.guest.handle || Object.keys(rest).length > 0;
    if (wrong || device !== this.guest.device.value) this.unexpected = "the request of a guest is wrong, or the device secret was not kept before";
    return [this.guest.device.name(device), pin].filter(Boolean).join(" ");
  }

  bodyOf(answer) {
    if (answer.html) return "<!doctype html><title>Error</title>";
    if (answer.token) return JSON.stringify(this.tokenBody(answer));
    return answer.text ?? JSON.stringify(answer.body);
  }

  /** The body of the service, whose clock is right. */
  tokenBody({ token, expiresIn = 3600, refreshIn = 2400 }) {
    const now = this.clock.now() - this.deviceAhead * 1000;
    const expires = now + expiresIn * 1000;
    return {
      token,
      expiresOn: new Date(expires).toISOString(),
      expiresOnTimestamp: expires,
      expiresIn,
      refreshAfter: new Date(now + refreshIn * 1000).toISOString(),
      user: { communicationUserId: "8:acs:user" },
      ...(this.guest && INVITATION),
    };
  }

  headersOf({ headers = {} }) {
    const entries = Object.entries(headers).map(([name, value]) =>
      [name, value.date === undefined ? value : new Date(START + value.date * 1000).toUTCString()]);
    return Object.fromEntries(entries);
  }
}

/** The identity provider: the bearers of the scenario in their order, or `bearer-1`, `bearer-2`, … by forced refreshes. */
export class VirtualProvider {
  forced = 0;

  constructor(bearers) {
    this.bearers = bearers && [...bearers];
  }

  forcedTeams = 0;

  /** The Entra tokens of a Teams user: `entra-1`, and the next number whenever a newer one is forced. */
  getTeamsToken = async ({ forceRefresh }) => `entra-${(this.forcedTeams += forceRefresh) + 1}`;

  getBearer = async ({ forceRefresh }) => {
    this.forced += forceRefresh;
    if (!this.bearers) return `bearer-${this.forced + 1}`;
    const next = this.bearers.length > 1 ? this.bearers.shift() : this.bearers[0];
    if (next?.throws) throw Object.assign(new Error(next.throws), { name: next.throws });
    return next;
  };
}

/** A storage that holds what the scenario says. */
export function virtualStorage(clock, stored) {
  const storage = { value: undefined };
  const { token, expiresIn, refreshIn } = stored ?? {};
  if (token) {
    const [expiresOnTimestamp, refreshAfterTimestamp] = [expiresIn, refreshIn].map((s) => clock.now() + s * 1000);
    storage.value = JSON.stringify({ token, expiresOnTimestamp, refreshAfterTimestamp, communicationUserId: "8:acs:user" });
  } else storage.value = stored;
  storage.load = async () => storage.value;
  storage.save = async (value) => {
    storage.value = value;
  };
  return storage;
}

/** A storage for the secret of a device, which keeps it, forgets it or throws. New secrets are device-1, device-2, … */
export function virtualDevice(stored, mode = "keeps") {
  const device = { value: stored ?? null, mode, created: [] };
  const fail = () => {
    if (device.mode === "throws") throw new Error("site data is blocked");
  };
  device.load = async () => (fail(), device.value);
  device.save = async (value) => {
    fail();
    if (!/^[\w-]{22}$/.test(value)) throw new Error("the secret does not have 16 bytes");
    if (device.mode === "keeps") device.created.push((device.value = value));
  };
  device.name = (value) => (device.created.includes(value) ? `device-${device.created.indexOf(value) + 1}` : value);
  return device;
}

/** Web Locks of one origin. */
class VirtualLocks {
  held = [];
  pending = [];

  request(name, ...rest) {
    const [{ mode = "exclusive", signal }, action] = rest.length > 1 ? rest : [{}, ...rest];
    return new Promise((resolve, reject) => {
      const request = { name, mode, action, resolve, reject };
      this.pending.push(request);
      signal?.addEventListener("abort", () => this.remove("pending", request) && reject(new DOMException("aborted", "AbortError")));
      queueMicrotask(() => this.grant());
    });
  }

  query = async () => ({ held: [...this.held], pending: [...this.pending] });

  remove(list, request) {
    const { length } = this[list];
    this[list] = this[list].filter((other) => other !== request);
    return this[list].length < length;
  }

  grant() {
    for (const request of this.pending) {
      const conflicts = (other) => other.name === request.name && (other.mode === "exclusive" || request.mode === "exclusive");
      if (this.held.some(conflicts)) continue;
      this.remove("pending", request);
      this.held.push(request);
      const release = () => {
        this.remove("held", request);
        this.grant();
      };
      Promise.resolve().then(request.action).then(request.resolve, request.reject).finally(release);
    }
  }
}

/** A BroadcastChannel whose messages arrive before the next timer. */
class VirtualChannel {
  static open = new Set();

  constructor(name) {
    this.name = name;
    VirtualChannel.open.add(this);
  }

  postMessage(message) {
    const others = [...VirtualChannel.open].filter((other) => other !== this && other.name === this.name);
    const data = structuredClone(message);
    for (const other of others) queueMicrotask(() => VirtualChannel.open.has(other) && other.onmessage({ data }));
  }

  close() {
    VirtualChannel.open.delete(this);
  }
}

/** Gives this process what a page has. Each source is then a tab of the same origin. Returns the locks. */
export function becomePage() {
  const events = { addEventListener() {}, removeEventListener() {} };
  const locks = new VirtualLocks();
  const globals = {
    ...events,
    document: { ...events, visibilityState: "visible" },
    location: { origin: "https://app.example" },
    navigator: { locks },
    BroadcastChannel: VirtualChannel,
  };
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
  return locks;
}

/** A bearer that is a JWT, of which a page reads `iss` and `sub`. */
export const jwtOf = (sub) => `e30.${Buffer.from(JSON.stringify({ iss: "https://issuer.example", sub })).toString("base64url")}.signature`;
