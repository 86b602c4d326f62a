// Built from shared/clients/typescript by `node test/bundle.mjs --write`. Do not edit.

// src/clock.ts
var systemClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  }
};
var inPage = () => typeof document === "object";
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

// src/errors.ts
var GuestpassError = class extends Error {
  constructor(name, action, message, details) {
    super(message);
    Object.assign(this, details, { name, action });
  }
};
var RetryLaterError = class extends GuestpassError {
  constructor(message, details) {
    super("RetryLaterError", "retry", message, details);
  }
};
var SignInRequiredError = class extends GuestpassError {
  constructor(message, details) {
    super("SignInRequiredError", "sign-in", message, details);
  }
};
var BlockedError = class extends GuestpassError {
  constructor(message, details) {
    super("BlockedError", "blocked", message, details);
  }
};
var GiveUpError = class extends GuestpassError {
  constructor(message, details) {
    super("GiveUpError", "give-up", message, details);
  }
};
var EndedError = class extends GuestpassError {
  constructor(message, name = "EndedError") {
    super(name, "none", message);
  }
};

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
  const expires = Number(body.expiresOnTimestamp);
  const lifetime = Number(body.expiresIn) * SECOND || expires - sentAt;
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
  const wait = Number(header) * SECOND || Date.parse(`${header}`) - now;
  return wait > 0 ? Math.min(wait, LONGEST_RETRY_AFTER) : void 0;
}
function errorOf(answer, now) {
  const { status } = answer;
  const body = parse(answer.text);
  const { retry, type, title, message } = body ?? {};
  const about = `${title ?? message ?? "not a response of the service: is `url` wrong, or a proxy in between?"}`;
  const text = `the request failed (${status}): ${about.slice(0, 120)}`;
  const details = { status, type: typeof type === "string" ? type : void 0, requestId: answer.requestId ?? void 0 };
  if (status === 403 && /user-blocked$/.test(`${type}`)) return new BlockedError(text, details);
  if (retry === "sign-in" || status === 401 && !retry) return new SignInRequiredError(text, details);
  const temporary = status > 499 || [407, 408, 425, 429].includes(status) || !body && (status < 300 || status === 403);
  if (retry === "later" || temporary && !retry) {
    return new RetryLaterError(text, { ...details, retryAfterMs: retryAfterOf(answer.retryAfter, now) });
  }
  return new GiveUpError(text, details);
}
var tokenOrError = (answer, sentAt, now) => tokenOf(answer, sentAt) ?? errorOf(answer, now);

// src/requests.ts
function throwIfEnded(signal) {
  if (signal.aborted) throw new EndedError("the app ended the request");
}
async function send(options, clock, method, { path, bearer, body: wish }, signal) {
  const url = `${options.url}`;
  if (!/^https?:\/\/[^/]/i.test(url) && !(inPage() && /^(\/|$)/.test(url))) throw new GiveUpError("`url` must begin with https://");
  throwIfEnded(signal);
  const body = method === "POST" && wish;
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  const cancel = clock.after(options.timeoutMs ?? 30 * SECOND, abort);
  signal.addEventListener("abort", abort);
  try {
    const response = await (options.fetch ?? fetch)(url.replace(/\/*$/, path), {
      method,
      headers: { ...bearer && { Authorization: `Bearer ${bearer}` }, ...body && { "Content-Type": "application/json" } },
      ...body && { body },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: attempt.signal
    });
    const { headers, status } = response;
    return { status, text: await response.text(), retryAfter: headers.get("retry-after"), requestId: headers.get("x-request-id") };
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
    const cancel = late && clock.after(maxWaitMs, () => reject(late()));
    const clean = () => {
      cancel?.();
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    promise.then(resolve, reject).then(clean);
  });
}

// src/callback.ts
function createCallback(get, states, clock) {
  let given = 0;
  return async (signal) => {
    for (; ; ) {
      try {
        const { token, expiresOnTimestamp } = await join(get(), clock, signal);
        given = expiresOnTimestamp;
        return { token, expiresOnTimestamp };
      } catch (error) {
        if (signal?.aborted || clock.now() >= given) throw error;
        await recovery(given, states, clock);
      }
    }
  };
}
function recovery(given, states, clock) {
  return new Promise((resolve) => {
    const expiry = states.stopped ? void 0 : pause(clock, given - clock.now());
    const leave = states.subscribe(({ name }) => {
      if (name === "ready") done();
      if (states.stopped) expiry?.end();
    });
    const done = () => {
      leave();
      resolve();
    };
    void expiry?.done.then(() => states.stopped || done());
  });
}

// src/keeper.ts
function createKeeper(storage) {
  let last = Promise.resolve();
  function queue(action) {
    return last = last.then(() => storage && action(storage)).catch(() => {
    });
  }
  return {
    load: (use) => queue(async (storage2) => {
      const text = await storage2.load();
      if (text) use(JSON.parse(text));
    }),
    save: (token) => {
      const text = token && JSON.stringify(token);
      void queue((storage2) => storage2.save(text));
    }
  };
}

// src/naps.ts
function createNaps(clock) {
  const stop = new AbortController();
  let last;
  let isOffline;
  const wake = () => {
    if (isOffline) last?.end();
    else last?.check();
  };
  if (inPage()) {
    addEventListener("online", wake, stop);
    document.addEventListener("visibilitychange", () => document.hidden || wake(), stop);
  }
  return {
    begin(milliseconds, offline) {
      last?.end();
      isOffline = offline;
      const mine = last = pause(clock, milliseconds);
      return mine.done.then(() => last === mine);
    },
    end: () => last?.end(),
    wake,
    leave: () => stop.abort()
  };
}

// src/repeat.ts
var isOfOtherOrigin = (url) => inPage() && !`${url}`.startsWith(`${location.origin}/`);
function createRepeat(clock, naps, states, url) {
  return async (attempt, signal, onRetry) => {
    let backoff = 0;
    let refusals = 0;
    let forceRefresh = false;
    let suspected;
    for (; ; ) {
      try {
        return await attempt(forceRefresh);
      } catch (thrown) {
        const error = thrown instanceof GuestpassError ? thrown : new GiveUpError("the client failed", { cause: thrown });
        if (signal.aborted || error === states.error) throw error;
        if (error.action === "sign-in" && error.status === 401 && refusals < 2) {
          if (refusals++) await naps.begin(SECOND * (1.5 + clock.random()));
          forceRefresh = true;
        } else if (error.action === "retry") {
          const offline = !error.status && !!error.cause;
          if (!error.retryAfterMs) backoff = Math.min(MINUTE, Math.max(2 * backoff, error.status === 429 ? 2 * SECOND : SECOND));
          const wait = (error.retryAfterMs ?? backoff) * (1 + clock.random() / 4);
          onRetry(error, clock.now() + wait);
          await naps.begin(wait, offline);
          refusals = 0;
          forceRefresh = offline && !suspected && isOfOtherOrigin(url);
          suspected ||= forceRefresh;
        } else throw error;
        if (signal.aborted) throw error;
      }
    }
  };
}

// src/states.ts
function createStates(clock, first) {
  const listeners = new Set(first && [first]);
  let now = { name: "idle" };
  return {
    get now() {
      return now;
    },
    get error() {
      return now.error;
    },
    get stopped() {
      return ["disposed", "signed-out"].includes(now.name);
    },
    set(next) {
      if (now.name === "disposed") return;
      now = next;
      for (const listener of [...listeners]) {
        try {
          listener(next);
        } catch (error) {
          clock.after(0, () => {
            throw error;
          });
        }
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    }
  };
}

// src/tabs.ts
var LONGEST_LOCK = 10 * SECOND;
var LONGEST_ANSWER = 100;
function createTabs(enabled, scope, clock, onMessage) {
  const locks = enabled && inPage() && typeof BroadcastChannel === "function" ? navigator.locks : void 0;
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

// src/user.ts
var SIGN_IN = /(login|interaction|consent|ui)_?required|invalid_grant|missing_refresh|un_?authenticated|notauthorized|user-token-expired/i;
function subjectOf(bearer) {
  try {
    const { iss, sub } = JSON.parse(atob(bearer.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return sub && `${iss} ${sub}`;
  } catch {
    return void 0;
  }
}
async function tokenOfApp(name, ask) {
  let token;
  try {
    token = await ask();
  } catch (cause) {
    const { name: kind, code, errorCode, error } = cause ?? {};
    const Kind = SIGN_IN.test(`${kind} ${code} ${errorCode} ${error}`) ? SignInRequiredError : RetryLaterError;
    throw new Kind(`${name} failed`, { cause });
  }
  if (!token) throw new SignInRequiredError(`${name} returned no token: the user has to sign in`);
  if (!/^[!-~]+$/.test(token)) throw new GiveUpError(`${name} returned text that is not a bearer token`);
  return token;
}
async function userRequest(options, forceRefresh, signal) {
  const bearer = await tokenOfApp("getBearer", () => options.getBearer({ forceRefresh, signal }));
  return { path: "/v1/token", bearer, body: JSON.stringify(options.request), subject: subjectOf(bearer) };
}

// src/source.ts
var FETCH_MARGIN = MINUTE;
var REFRESHER_MARGIN = 10 * MINUTE + 10 * SECOND;
var HOLD = MINUTE;
var RECHECK = 5 * MINUTE;
var MAX_WAIT = 30 * SECOND;
function createTokenSource(options) {
  return createSource(options, (forceRefresh, signal) => userRequest(options, forceRefresh, signal));
}
function createSource(options, prepare, read = tokenOrError, kind = JSON.stringify(options.request)) {
  const clock = options.clock ?? systemClock;
  const states = createStates(clock, options.onState);
  const keeper = createKeeper(options.storage);
  const naps = createNaps(clock);
  const tabs = createTabs(options.tabs !== false, `${options.url} ${kind}`, clock, hear);
  const repeat = createRepeat(clock, naps, states, options.url);
  let held;
  let flight;
  let loading;
  let signingOut;
  let refusedBearer;
  let holdUntil = 0;
  const remaining = (token = held) => (token?.expiresOnTimestamp ?? 0) - clock.now();
  const fresh = (than) => held && held.token !== than && clock.now() < held.refreshAfterTimestamp ? held : void 0;
  const endedError = () => new EndedError(`the source is ${states.now.name}`);
  const lasting = () => ["failed", "ask-host"].includes(states.now.name);
  function hear(message) {
    if (states.stopped) return;
    if (message.signOut) endSession();
    if (message.ask && fresh()) tabs.post(held);
    if (message.refreshAfterTimestamp > Math.max(clock.now(), held?.refreshAfterTimestamp ?? 0)) {
      accept(message);
      tabs.answered();
    }
  }
  function restore({ subject, ...token }) {
    if (held || states.stopped || !token.token || remaining(token) <= FETCH_MARGIN) return;
    tabs.enter(subject);
    accept(token);
  }
  function schedule(milliseconds) {
    const before = held;
    void naps.begin(milliseconds).then((isLast) => {
      if (isLast && held === before && !flight && !states.stopped) void start(before.token);
    });
  }
  function accept(token) {
    if (held === token) return;
    held = token;
    const { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } = token;
    states.set({ name: "ready", token: { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } });
    naps.end();
    const wait = refreshAfterTimestamp - clock.now();
    if (!flight) schedule(wait + clock.random() * Math.min(30 * SECOND, Math.max(wait, 0) / 100));
  }
  function forget() {
    held = void 0;
    keeper.save(null);
  }
  function fail(error) {
    if (states.error === error) return;
    holdUntil = clock.now() + HOLD;
    if (error.action === "blocked") forget();
    states.set({ name: error.action === "give-up" ? "failed" : error.action, error });
    if (lasting() && held) schedule(RECHECK);
  }
  function end(next) {
    const ended = flight;
    flight = held = refusedBearer = void 0;
    naps.end();
    tabs.leave();
    states.set(next);
    ended?.end();
  }
  function endSession() {
    end({ name: "signed-out" });
    keeper.save(null);
  }
  async function exchange(method, request, signal) {
    const sentAt = clock.now();
    const answer = await send(options, clock, method, request, signal);
    throwIfEnded(signal);
    if (method === "DELETE" && [200, 204].includes(answer.status)) return void 0;
    const result = read(answer, sentAt, clock.now());
    if ("token" in result) return result;
    if (result.action === "sign-in") {
      refusedBearer = request.bearer;
      if (result.type && !/teams-token/.test(result.type)) forget();
    }
    throw result;
  }
  async function ask(than, forceRefresh, signal) {
    const ready = fresh(than);
    if (ready) return ready;
    const request = await prepare(forceRefresh, signal, !!than);
    if (states.now.name === "sign-in" && request.bearer === refusedBearer && clock.now() < holdUntil) throw states.error;
    throwIfEnded(signal);
    if (tabs.enter(request.subject)) {
      forget();
      states.set({ name: "requesting" });
    }
    return tabs.exclusive(async () => {
      throwIfEnded(signal);
      if (!fresh(than)) await tabs.ask();
      throwIfEnded(signal);
      const shared = fresh(than);
      if (shared) return shared;
      if (!["requesting", "ready", "waiting"].includes(states.now.name)) states.set({ name: "requesting" });
      return await exchange("POST", request, signal);
    });
  }
  function start(than) {
    const stop = new AbortController();
    let resolve;
    let reject;
    const promise = new Promise((...both) => [resolve, reject] = both);
    promise.catch(() => {
    });
    const end2 = () => {
      stop.abort();
      reject(endedError());
    };
    const mine = flight = { promise, end: end2 };
    const onRetry = (error, retryAt) => states.set({ name: "waiting", error, retryAt, tokenValid: remaining() > 0 });
    repeat((forceRefresh) => ask(than, forceRefresh, stop.signal), stop.signal, onRetry).then(
      (token) => {
        if (flight !== mine) return;
        flight = void 0;
        if (held === token) held = void 0;
        else {
          keeper.save({ ...token, subject: tabs.subject });
          tabs.post(token);
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
    if (explicit) await signingOut?.catch(() => {
    });
    await (loading ??= keeper.load(restore));
    const { name } = states.now;
    if (name === "disposed" || states.stopped && !explicit) throw endedError();
    if (held && !force && remaining() > margin) {
      if (!fresh() && !flight && !lasting()) void start(held.token);
      return held;
    }
    if (flight) return flight.promise;
    if ((name === "blocked" || lasting()) && !force && clock.now() < holdUntil) throw states.error;
    return start(held?.token);
  }
  function late() {
    const { now } = states;
    return now.name === "waiting" ? now.error : new RetryLaterError("no token yet: the source goes on");
  }
  return {
    get state() {
      return states.now;
    },
    fetch: ({ force, signal, maxWaitMs = MAX_WAIT } = {}) => join(get(FETCH_MARGIN, true, force), clock, signal, maxWaitMs, late),
    async signOut({ signal, maxWaitMs = MAX_WAIT } = {}) {
      if (states.now.name === "disposed") throw endedError();
      let posted = tabs.subject;
      tabs.post({ signOut: true });
      endSession();
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
      const done = repeat(attempt, stop.signal, (error) => last = error);
      const joined = join(done, clock, signal, maxWaitMs, () => last).finally(() => {
        stop.abort();
        naps.end();
        if (signingOut === joined) signingOut = void 0;
      });
      await (signingOut = joined);
    },
    subscribe: states.subscribe,
    wake: naps.wake,
    dispose() {
      naps.leave();
      end({ name: "disposed" });
    },
    refresher: () => createCallback(() => get(REFRESHER_MARGIN, false), states, clock)
  };
}

// src/refresher.ts
function createTokenRefresher(options) {
  const source = "refresher" in options ? options : createTokenSource(options);
  return Object.assign(source.refresher(), { source });
}
export {
  BlockedError,
  EndedError,
  GiveUpError,
  GuestpassError,
  RetryLaterError,
  SignInRequiredError,
  createTokenRefresher,
  createTokenSource
};
