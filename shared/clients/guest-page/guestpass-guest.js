// Built from shared/clients/typescript by `node test/bundle.mjs --write`. Do not edit.

// src/errors.ts
var GuestpassError = class extends Error {
  constructor(name, message, details) {
    super(message);
    Object.assign(this, details, { name });
  }
};
var RetryLaterError = class extends GuestpassError {
  constructor(message, details) {
    super("RetryLaterError", message, details);
    this.action = "retry";
  }
};
var SignInRequiredError = class extends GuestpassError {
  constructor(message, details) {
    super("SignInRequiredError", message, details);
    this.action = "sign-in";
  }
};
var BlockedError = class extends GuestpassError {
  constructor(message, details) {
    super("BlockedError", message, details);
    this.action = "blocked";
  }
};
var GiveUpError = class extends GuestpassError {
  constructor(message, details) {
    super("GiveUpError", message, details);
    this.action = "give-up";
  }
};
var EndedError = class extends GuestpassError {
  constructor(message, name = "EndedError") {
    super(name, message);
    this.action = "none";
  }
};

// src/clock.ts
var systemClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  }
};
var SECOND = 1e3;
var MINUTE = 60 * SECOND;
function pause(clock, milliseconds) {
  const due = clock.now() + milliseconds;
  let left = milliseconds;
  let cancel = () => {
  };
  let end;
  const done = new Promise((resolve) => {
    end = () => {
      cancel();
      resolve();
    };
  });
  const check = () => {
    cancel();
    const wait = Math.min(left, due - clock.now(), MINUTE);
    if (wait <= 0) return end();
    cancel = clock.after(wait, () => {
      left -= wait;
      check();
    });
  };
  check();
  return { done, check, end };
}

// src/answers.ts
var LONGEST_RETRY_AFTER = 15 * MINUTE;
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value ? value : void 0;
  } catch {
    return void 0;
  }
}
function tokenOf(answer, sentAt) {
  const body = answer.status === 200 && parse(answer.text);
  if (!body || typeof body.token !== "string" || !body.token) return void 0;
  const expires = Number(body.expiresOnTimestamp ?? NaN);
  const lifetime = Number(body.expiresIn ?? NaN) * SECOND || expires - sentAt;
  if (!(lifetime > 0)) return void 0;
  const refresh = Date.parse(`${body.refreshAfter}`) - (expires - lifetime);
  return {
    token: body.token,
    expiresOnTimestamp: sentAt + lifetime,
    refreshAfterTimestamp: sentAt + (refresh > 0 && refresh < lifetime ? refresh : lifetime * 2 / 3),
    communicationUserId: `${body.user?.communicationUserId ?? ""}`
  };
}
function retryAfterOf(header, now) {
  const wait = /^\d+$/.test(`${header}`) ? Number(header) * SECOND : Date.parse(`${header}`) - now;
  return wait > 0 ? Math.min(wait, LONGEST_RETRY_AFTER) : void 0;
}
function errorOf(answer, now) {
  const { status } = answer;
  const body = parse(answer.text);
  const { retry, type, title, message } = body ?? {};
  const about = `${title ?? message ?? "the response is not one of the service: is a proxy in between, or is `url` wrong?"}`;
  const text = `the request failed (${status}): ${about.slice(0, 120)}`;
  const details = {
    status,
    ...typeof type === "string" && { type },
    ...answer.requestId && { requestId: answer.requestId }
  };
  if (status === 403 && /user-blocked$/.test(`${type}`)) return new BlockedError(text, details);
  if (retry === "sign-in" || status === 401 && !retry) return new SignInRequiredError(text, details);
  const temporary = status > 499 || [407, 408, 425, 429].includes(status) || !body && (status < 300 || status === 403);
  if (retry === "later" || temporary && !retry) {
    const retryAfterMs = retryAfterOf(answer.retryAfter, now);
    return new RetryLaterError(text, { ...details, ...retryAfterMs && { retryAfterMs } });
  }
  return new GiveUpError(text, details);
}
var tokenOrError = (answer, sentAt, now) => tokenOf(answer, sentAt) ?? errorOf(answer, now);

// src/device.ts
var DeviceStorageError = class extends GuestpassError {
  constructor(message, details) {
    super("DeviceStorageError", message, details);
    this.action = "storage";
  }
};
var KEY = "guestpass-device";
var localDevice = {
  load: async () => localStorage.getItem(KEY),
  save: async (value) => localStorage.setItem(KEY, value)
};
function newSecret() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
var isSecret = (text) => /^[\w-]{22,86}$/.test(`${text ?? ""}`);
async function loadOrCreate(storage) {
  const stored = await storage.load();
  if (isSecret(stored)) return stored;
  await storage.save(newSecret());
  const kept = await storage.load();
  if (isSecret(kept)) return kept;
  throw new DeviceStorageError("the storage did not keep the device secret");
}
async function deviceSecret(storage = localDevice) {
  const locks = typeof document === "object" ? navigator.locks : void 0;
  try {
    return await (locks ? locks.request(KEY, () => loadOrCreate(storage)) : loadOrCreate(storage));
  } catch (cause) {
    if (cause instanceof DeviceStorageError) throw cause;
    throw new DeviceStorageError("the device secret cannot be stored: allow site data, or pass `device`", { cause });
  }
}

// src/requests.ts
function throwIfEnded(signal) {
  if (signal.aborted) throw new EndedError("the app ended the request");
}
async function send(options, clock, method, { path, bearer, body: wish }, signal) {
  throwIfEnded(signal);
  const body = method === "POST" && wish;
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  const cancel = clock.after(options.timeoutMs ?? 30 * SECOND, abort);
  signal.addEventListener("abort", abort);
  try {
    const response = await (options.fetch ?? fetch)(`${options.url}`.replace(/\/*$/, path), {
      method,
      headers: { ...bearer && { Authorization: `Bearer ${bearer}` }, ...body && { "Content-Type": "application/json" } },
      ...body && { body },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: attempt.signal
    });
    const header = (name) => response.headers.get(name);
    return {
      status: response.status,
      text: await response.text(),
      retryAfter: header("retry-after"),
      requestId: header("x-request-id")
    };
  } catch (cause) {
    throw new RetryLaterError("no response: the network, CORS or a proxy failed", { cause });
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}
function join(promise, clock, signal, maxWaitMs, late) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new EndedError("the call was aborted", "AbortError"));
    const cancel = maxWaitMs === void 0 ? void 0 : clock.after(maxWaitMs, () => reject(late()));
    const clean = () => {
      cancel?.();
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    promise.then(resolve, reject).then(clean);
  });
}

// src/tabs.ts
var LONGEST_LOCK = 10 * SECOND;
var LONGEST_ANSWER = 100;
function createTabs(enabled, scope, clock, onMessage) {
  const locks = enabled && typeof document === "object" && typeof BroadcastChannel === "function" ? navigator.locks : void 0;
  let subject;
  let name;
  let channel;
  let present;
  let release = () => {
  };
  let answered = () => {
  };
  const leave = () => {
    channel?.close();
    release();
    subject = name = channel = void 0;
  };
  return {
    get subject() {
      return subject;
    },
    leave,
    answered: () => answered(),
    post: (message) => channel?.postMessage(message),
    enter(wanted) {
      if (!locks || wanted === subject) return false;
      const switched = !!subject && !!wanted;
      leave();
      if (!wanted) return false;
      subject = wanted;
      const tab = `${name = `guestpass ${scope} ${subject}`} tab`;
      channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => onMessage(data);
      present = new Promise((resolve) => {
        const held = new Promise((end) => release = end);
        void locks.request(tab, { mode: "shared" }, () => (resolve(), held));
      });
      return switched;
    },
    exclusive(action) {
      if (!name || !locks) return action();
      const waiting = new AbortController();
      const cancel = clock.after(LONGEST_LOCK, () => waiting.abort());
      let run;
      const once = () => (cancel(), run ??= action());
      return locks.request(name, { signal: waiting.signal }, once).catch(once);
    },
    async ask() {
      if (!name || !locks) return;
      await present;
      const { held } = await locks.query();
      if (held.filter((lock) => lock.name === `${name} tab`).length < 2) return;
      await new Promise((resolve) => {
        answered = resolve;
        clock.after(LONGEST_ANSWER, resolve);
        channel?.postMessage({ ask: true });
      });
    }
  };
}

// src/source.ts
var FETCH_MARGIN = MINUTE;
var REFRESHER_MARGIN = 10 * MINUTE + 10 * SECOND;
var HOLD = MINUTE;
var RECHECK = 5 * MINUTE;
var nothing = () => {
};
function createSource(options, prepare, read = tokenOrError, kind = JSON.stringify(options.request)) {
  const clock = options.clock ?? systemClock;
  const listeners = /* @__PURE__ */ new Set();
  const page = typeof document === "object" ? document : void 0;
  const origin = page && location.origin;
  let state = { name: "idle" };
  let held;
  let flight;
  let nap;
  let napIsOffline = false;
  let loading;
  let storageQueue = Promise.resolve();
  let signingOut;
  let refusedBearer;
  let holdUntil = 0;
  const remaining = () => held ? held.expiresOnTimestamp - clock.now() : 0;
  const fresh = (than) => held && held.token !== than && clock.now() < held.refreshAfterTimestamp ? held : void 0;
  const lasting = () => ["failed", "ask-host"].includes(state.name);
  const stopped = () => state.name === "disposed" || state.name === "signed-out";
  const tabs = createTabs(options.tabs !== false, `${options.url} ${kind}`, clock, (message) => {
    if (stopped()) return;
    if (message.signOut) {
      end({ name: "signed-out" });
      store(null);
    }
    if (message.ask && fresh()) tabs.post({ ...held });
    const offered = message;
    if (typeof offered.token === "string" && offered.refreshAfterTimestamp > Math.max(clock.now(), held?.refreshAfterTimestamp ?? 0)) {
      accept(offered);
      tabs.answered();
    }
  });
  function setState(next) {
    if (state.name === "disposed") return;
    state = next;
    for (const listener of [...listeners]) {
      try {
        listener(next);
      } catch (error) {
        clock.after(0, () => {
          throw error;
        });
      }
    }
  }
  function queue(action) {
    return storageQueue = storageQueue.then(() => options.storage && action(options.storage)).catch(nothing);
  }
  function store(token) {
    const text = token && JSON.stringify({ ...token, subject: tabs.subject });
    void queue((storage) => storage.save(text));
  }
  async function load(storage) {
    const text = await storage.load();
    if (text && !held && !stopped()) {
      const { subject, ...token } = JSON.parse(text);
      if (!token.token || token.expiresOnTimestamp - clock.now() <= FETCH_MARGIN) return;
      tabs.enter(subject);
      accept(token);
    }
  }
  function rest(milliseconds, offline = false) {
    nap?.end();
    napIsOffline = offline;
    return (nap = pause(clock, milliseconds)).done;
  }
  function schedule(milliseconds) {
    const before = held;
    const done = rest(milliseconds);
    const mine = nap;
    void done.then(() => {
      if (nap === mine && held && held === before && !flight && !stopped()) void start(held.token);
    });
  }
  function accept(token) {
    if (held === token) return;
    held = token;
    const { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } = token;
    setState({ name: "ready", token: { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } });
    nap?.end();
    const wait = token.refreshAfterTimestamp - clock.now();
    if (!flight) schedule(wait + clock.random() * Math.min(30 * SECOND, Math.max(wait, 0) / 100));
  }
  function forget() {
    held = void 0;
    store(null);
  }
  function fail(error) {
    if (state.error === error) return;
    holdUntil = clock.now() + HOLD;
    if (error.action === "blocked") forget();
    setState({ name: error.action === "give-up" ? "failed" : error.action, error });
    if (lasting() && held) schedule(RECHECK);
  }
  function end(next) {
    const ended = flight;
    flight = held = refusedBearer = void 0;
    nap?.end();
    tabs.leave();
    ended?.stop.abort();
    setState(next);
    ended?.reject(new EndedError(`the app ended the request: ${next.name}`));
  }
  async function persist(attempt, signal, onRetry) {
    let backoff = 0;
    let refusals = 0;
    let forceRefresh = false;
    let suspected = false;
    for (; ; ) {
      try {
        return await attempt(forceRefresh);
      } catch (thrown) {
        const error = thrown instanceof GuestpassError ? thrown : new GiveUpError("the client failed", { cause: thrown });
        if (signal.aborted || error === state.error) throw error;
        if (error.action === "sign-in" && error.status === 401 && refusals < 2) {
          if (refusals++) await rest(SECOND * (1.5 + clock.random()));
          forceRefresh = true;
        } else if (error.action === "retry") {
          const offline = !error.status && !!error.cause;
          if (!error.retryAfterMs) backoff = Math.min(MINUTE, Math.max(2 * backoff, error.status === 429 ? 2 * SECOND : SECOND));
          const wait = (error.retryAfterMs ?? backoff) * (1 + clock.random() / 4);
          onRetry(error, clock.now() + wait);
          await rest(wait, offline);
          refusals = 0;
          forceRefresh = offline && !suspected && !!origin && !`${options.url}`.startsWith(`${origin}/`);
          suspected ||= forceRefresh;
        } else throw error;
        if (signal.aborted) throw error;
      }
    }
  }
  async function exchange(method, request, signal) {
    const sentAt = clock.now();
    const answer = await send(options, clock, method, request, signal);
    throwIfEnded(signal);
    if (method === "DELETE" && (answer.status === 200 || answer.status === 204)) return void 0;
    const result = read(answer, sentAt, clock.now());
    if ("token" in result) return result;
    if (result.action === "sign-in") {
      refusedBearer = request.bearer;
      if (result.type && !/teams-token/.test(result.type)) forget();
    }
    throw result;
  }
  function start(than) {
    const stop = new AbortController();
    const { signal } = stop;
    let resolve;
    let reject;
    const promise = new Promise((...both) => [resolve, reject] = both);
    promise.catch(nothing);
    const mine = flight = { promise, reject, stop };
    const attempt = async (forceRefresh) => {
      const ready = fresh(than);
      if (ready) return ready;
      const request = await prepare(forceRefresh, signal, !!than);
      if (state.name === "sign-in" && request.bearer === refusedBearer && clock.now() < holdUntil) throw state.error;
      throwIfEnded(signal);
      if (tabs.enter(request.subject)) {
        forget();
        setState({ name: "requesting" });
      }
      return tabs.exclusive(async () => {
        throwIfEnded(signal);
        if (!fresh(than)) await tabs.ask();
        throwIfEnded(signal);
        const shared = fresh(than);
        if (shared) return shared;
        if (!["requesting", "ready", "waiting"].includes(state.name)) setState({ name: "requesting" });
        return await exchange("POST", request, signal);
      });
    };
    const onRetry = (error, retryAt) => setState({ name: "waiting", error, retryAt, tokenValid: remaining() > 0 });
    persist(attempt, signal, onRetry).then(
      (token) => {
        if (flight !== mine) return;
        flight = void 0;
        if (held === token) held = void 0;
        else {
          store(token);
          tabs.post({ ...token });
        }
        accept(token);
        resolve(token);
      },
      (error) => {
        if (flight !== mine) return;
        flight = void 0;
        fail(error);
        reject(error);
      }
    );
    return promise;
  }
  async function get(margin, explicit, force) {
    if (explicit) await signingOut?.catch(nothing);
    await (loading ??= queue(load));
    if (state.name === "disposed" || stopped() && !explicit) throw new EndedError(`the source is ${state.name}`);
    if (held && !force && remaining() > margin) {
      if (!fresh() && !flight && !lasting()) void start(held.token);
      return held;
    }
    if (flight) return flight.promise;
    if ((state.name === "blocked" || lasting()) && !force && clock.now() < holdUntil) throw state.error;
    return start(held?.token);
  }
  function late() {
    return state.name === "waiting" ? state.error : new RetryLaterError("no token yet: the source is still trying");
  }
  function refresher() {
    let given = 0;
    return async (signal) => {
      for (; ; ) {
        try {
          const { token, expiresOnTimestamp } = await join(get(REFRESHER_MARGIN, false), clock, signal);
          given = expiresOnTimestamp;
          return { token, expiresOnTimestamp };
        } catch (error) {
          if (signal?.aborted || clock.now() >= given) throw error;
          await recovery(given);
        }
      }
    };
  }
  function recovery(given) {
    return new Promise((resolve) => {
      const expiry = stopped() ? void 0 : pause(clock, given - clock.now());
      const leave = subscribe(({ name }) => {
        if (name === "ready") done();
        if (name === "signed-out" || name === "disposed") expiry?.end();
      });
      const done = () => {
        leave();
        resolve();
      };
      void expiry?.done.then(() => stopped() || done());
    });
  }
  function subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
  function wake() {
    if (napIsOffline) nap?.end();
    else nap?.check();
  }
  const onVisible = () => {
    if (page.visibilityState === "visible") wake();
  };
  if (page) {
    addEventListener("online", wake);
    page.addEventListener("visibilitychange", onVisible);
  }
  if (options.onState) listeners.add(options.onState);
  return {
    get state() {
      return state;
    },
    fetch: ({ force, signal, maxWaitMs = 30 * SECOND } = {}) => join(get(FETCH_MARGIN, true, force), clock, signal, maxWaitMs, late),
    async signOut({ signal, maxWaitMs = 30 * SECOND } = {}) {
      if (state.name === "disposed") throw new EndedError("the source is disposed");
      let posted = tabs.subject;
      tabs.post({ signOut: true });
      end({ name: "signed-out" });
      store(null);
      const stop = new AbortController();
      let last = new RetryLaterError("the sign-out is not confirmed yet");
      const attempt = async (forceRefresh) => {
        const request = await prepare(forceRefresh, stop.signal);
        throwIfEnded(stop.signal);
        if (!posted) {
          tabs.enter(posted = request.subject);
          tabs.post({ signOut: true });
          tabs.leave();
        }
        await exchange("DELETE", request, stop.signal);
      };
      const done = persist(attempt, stop.signal, (error) => last = error);
      const joined = join(done, clock, signal, maxWaitMs, () => last).finally(() => {
        stop.abort();
        nap?.end();
        if (signingOut === joined) signingOut = void 0;
      });
      await (signingOut = joined);
    },
    subscribe,
    wake,
    dispose() {
      if (page) {
        removeEventListener("online", wake);
        page.removeEventListener("visibilitychange", onVisible);
      }
      end({ name: "disposed" });
    },
    refresher
  };
}

// src/guest.ts
var PinError = class extends GuestpassError {
  constructor(message, details) {
    super("PinError", message, details);
    this.action = "pin";
  }
};
var InvitationError = class extends GuestpassError {
  constructor(message, details) {
    super("InvitationError", message, details);
    this.action = "ask-host";
  }
};
var PROBLEM = "/problems/";
var WRONG_PIN = { type: `${PROBLEM}pin-wrong` };
function guestTokenOrError(answer, sentAt, now) {
  const result = tokenOrError(answer, sentAt, now);
  if ("token" in result) {
    const { meeting, displayName, opensAt, closesAt } = JSON.parse(answer.text);
    const token = { ...result, meeting, displayName, opensAt, closesAt };
    return meeting ? token : new GiveUpError("the response has no meeting: is `url` that of the service?", { status: answer.status });
  }
  const { action, message, type, status, requestId } = result;
  const details = { type, ...status && { status }, ...requestId && { requestId } };
  const kind = type?.split(PROBLEM)[1] ?? "";
  if (/^pin-(required|wrong)$/.test(kind)) return new PinError(message, details);
  if (/^invitation-(unknown|closed|used-up|locked)$/.test(kind)) return new InvitationError(message, details);
  if (kind === "invitation-revoked") return new BlockedError(message, details);
  return action === "sign-in" ? new GiveUpError(message, details) : result;
}
async function invitationId(handle) {
  if (typeof document !== "object" || !crypto.subtle) return void 0;
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`guestpass invitation\0${handle}`));
  return String.fromCharCode(...new Uint8Array(bytes));
}
function createGuestTokenSource(options) {
  const { handle } = options;
  let { pin } = options;
  let sentPin;
  let device;
  let subject;
  async function prepare() {
    if (!/^gp_[\w-]{22}$/.test(handle)) throw new InvitationError("the link is not complete", { type: `${PROBLEM}invitation-unknown` });
    if (pin !== void 0 && !/^\d{6}$/.test(pin)) {
      pin = void 0;
      throw new PinError("a PIN has six digits: nothing was sent", WRONG_PIN);
    }
    subject ??= await invitationId(handle);
    device ??= deviceSecret(options.device);
    const secret = await device.catch((error) => {
      device = void 0;
      throw error;
    });
    sentPin = pin;
    return { path: "/v1/guest/token", body: JSON.stringify({ handle, device: secret, pin }), subject };
  }
  function read(answer, sentAt, now) {
    const result = guestTokenOrError(answer, sentAt, now);
    if (pin === sentPin && ("token" in result || result.action !== "retry")) pin = void 0;
    return result;
  }
  const source = createSource(options, prepare, read);
  const { subscribe, wake, dispose, refresher } = source;
  return {
    get state() {
      return source.state;
    },
    subscribe,
    wake,
    dispose,
    refresher,
    fetch({ pin: given, ...rest } = {}) {
      if (given === void 0) return source.fetch(rest);
      pin = given;
      return source.fetch({ force: true, ...rest });
    }
  };
}
function createGuestTokenRefresher(options) {
  const source = "refresher" in options ? options : createGuestTokenSource(options);
  return Object.assign(source.refresher(), { source });
}
export {
  BlockedError,
  DeviceStorageError,
  EndedError,
  GiveUpError,
  GuestpassError,
  InvitationError,
  PinError,
  RetryLaterError,
  createGuestTokenRefresher,
  createGuestTokenSource
};
