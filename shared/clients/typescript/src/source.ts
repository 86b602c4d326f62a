import { MINUTE, pause, SECOND, systemClock, type Pause } from "./clock.js";
import { tokenOrError, type GuestpassToken } from "./answers.js";
import { EndedError, GiveUpError, GuestpassError, RetryLaterError, type BlockedError, type SignInRequiredError } from "./errors.js";
import { join, send, throwIfEnded, type Prepare, type TokenRequest } from "./requests.js";
import { createTabs, type TabMessage } from "./tabs.js";
import { userRequest } from "./user.js";
import type { AccessToken, FetchOptions, SignalLike, State, TokenSource, TokenSourceOptions, TokenStorage } from "./options.js";

/** A request for a token with its repetitions, which all callers share. */
interface Flight {
  readonly promise: Promise<GuestpassToken>;
  readonly reject: (error: GuestpassError) => void;
  readonly stop: AbortController;
}

/** `fetch()` returns a token that is valid for at least this long. */
const FETCH_MARGIN = MINUTE;
/** Microsoft's classes ask ten minutes before the end, and want a token that lives longer. */
const REFRESHER_MARGIN = 10 * MINUTE + 10 * SECOND;
/** How long a final error is the answer to further calls, so that an app that repeats its calls sends no requests. */
const HOLD = MINUTE;
/** How often a refresh that failed for good is tried again while there is a valid token. */
const RECHECK = 5 * MINUTE;

const nothing = () => {};

/** Creates a source of tokens for one user. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  return createSource(options, (forceRefresh, signal) => userRequest(options, forceRefresh, signal));
}

/** Creates a source of the tokens for which `prepare` makes the requests. Tabs share tokens of the same `kind`. */
export function createSource(options: Omit<TokenSourceOptions, "getBearer">, prepare: Prepare, read = tokenOrError, kind = JSON.stringify(options.request)): TokenSource {
  const clock = options.clock ?? systemClock;
  const listeners = new Set<(state: State) => void>();
  const page = typeof document === "object" ? document : undefined;
  const origin = page && location.origin;
  let state: State = { name: "idle" };
  let held: GuestpassToken | undefined;
  let flight: Flight | undefined;
  let nap: Pause | undefined;
  let napIsOffline = false;
  let loading: Promise<void> | undefined;
  let storageQueue = Promise.resolve();
  let signingOut: Promise<unknown> | undefined;
  let refusedBearer: string | undefined;
  let holdUntil = 0;

  const remaining = () => (held ? held.expiresOnTimestamp - clock.now() : 0);
  const fresh = (than?: string) => (held && held.token !== than && clock.now() < held.refreshAfterTimestamp ? held : undefined);
  /** The same request fails again, but does not end the token. `ask-host` is a state of guests. */
  const lasting = () => ["failed", "ask-host"].includes(state.name);
  const stopped = () => state.name === "disposed" || state.name === "signed-out";

  const tabs = createTabs(options.tabs !== false, `${options.url} ${kind}`, clock, (message: TabMessage) => {
    if (stopped()) return;
    if (message.signOut) {
      end({ name: "signed-out" });
      store(null);
    }
    if (message.ask && fresh()) tabs.post({ ...held! });
    const offered = message as GuestpassToken;
    if (typeof offered.token === "string" && offered.refreshAfterTimestamp > Math.max(clock.now(), held?.refreshAfterTimestamp ?? 0)) {
      accept(offered);
      tabs.answered();
    }
  });

  function setState(next: State): void {
    if (state.name === "disposed") return;
    state = next;
    for (const listener of [...listeners]) {
      try {
        listener(next);
      } catch (error) {
        // A listener of the app must not stop the refresh; its error is reported as an uncaught one.
        clock.after(0, () => {
          throw error;
        });
      }
    }
  }

  /** Calls the storage after its calls before have ended: a slow save must not overwrite the deletion of a sign-out. */
  function queue(action: (storage: TokenStorage) => Promise<void>): Promise<void> {
    // After a failed load or save, the next start of the app requests a token.
    return (storageQueue = storageQueue.then(() => options.storage && action(options.storage)).catch(nothing));
  }

  function store(token: GuestpassToken | null): void {
    const text = token && JSON.stringify({ ...token, subject: tabs.subject });
    void queue((storage) => storage.save(text));
  }

  async function load(storage: TokenStorage): Promise<void> {
    const text = await storage.load();
    if (text && !held && !stopped()) {
      const { subject, ...token } = JSON.parse(text) as GuestpassToken & { subject?: string };
      if (!token.token || token.expiresOnTimestamp - clock.now() <= FETCH_MARGIN) return;
      tabs.enter(subject); // for a sign-out before the first refresh
      accept(token);
    }
  }

  function rest(milliseconds: number, offline = false): Promise<void> {
    nap?.end();
    napIsOffline = offline;
    return (nap = pause(clock, milliseconds)).done;
  }

  /** Refreshes in the background, after some time and if nothing else did. */
  function schedule(milliseconds: number): void {
    const before = held;
    const done = rest(milliseconds);
    const mine = nap;
    void done.then(() => {
      // A later pause ends this one, and has a continuation of its own.
      if (nap === mine && held && held === before && !flight && !stopped()) void start(held.token);
    });
  }

  function accept(token: GuestpassToken): void {
    if (held === token) return;
    held = token;
    const { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } = token;
    setState({ name: "ready", token: { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } });
    nap?.end();
    const wait = token.refreshAfterTimestamp - clock.now();
    if (!flight) schedule(wait + clock.random() * Math.min(30 * SECOND, Math.max(wait, 0) / 100));
  }

  /** ACS revoked the tokens of a user who is blocked or was signed out. */
  function forget(): void {
    held = undefined;
    store(null);
  }

  function fail(error: BlockedError | GiveUpError | SignInRequiredError): void {
    if ((state as { error?: unknown }).error === error) return;
    holdUntil = clock.now() + HOLD;
    if (error.action === "blocked") forget();
    setState({ name: error.action === "give-up" ? "failed" : error.action, error } as State);
    if (lasting() && held) schedule(RECHECK);
  }

  function end(next: State): void {
    const ended = flight;
    flight = held = refusedBearer = undefined;
    nap?.end();
    tabs.leave();
    ended?.stop.abort();
    setState(next);
    ended?.reject(new EndedError(`the app ended the request: ${next.name}`));
  }

  /** Repeats a request until it succeeds or its error is final. */
  async function persist<T>(attempt: (forceRefresh: boolean) => Promise<T>, signal: AbortSignal, onRetry: (error: RetryLaterError, retryAt: number) => void): Promise<T> {
    let backoff = 0;
    let refusals = 0;
    let forceRefresh = false;
    let suspected = false;
    for (;;) {
      try {
        return await attempt(forceRefresh);
      } catch (thrown) {
        const error = thrown instanceof GuestpassError ? thrown : new GiveUpError("the client failed", { cause: thrown });
        if (signal.aborted || error === (state as { error?: unknown }).error) throw error;
        if (error.action === "sign-in" && error.status === 401 && refusals < 2) {
          // `iat` has whole seconds: a bearer from the second of a sign-out is refused, too.
          if (refusals++) await rest(SECOND * (1.5 + clock.random()));
          forceRefresh = true;
        } else if (error.action === "retry") {
          const offline = !error.status && !!error.cause;
          // openapi.yaml asks for two seconds after API Gateway's own 429, which has no Retry-After.
          if (!error.retryAfterMs) backoff = Math.min(MINUTE, Math.max(2 * backoff, error.status === 429 ? 2 * SECOND : SECOND));
          const wait = (error.retryAfterMs ?? backoff) * (1 + clock.random() / 4);
          onRetry(error as RetryLaterError, clock.now() + wait);
          await rest(wait, offline);
          refusals = 0;
          // A 401 of API Gateway has no CORS headers, so that a page sees a network error.
          forceRefresh = offline && !suspected && !!origin && !`${options.url}`.startsWith(`${origin}/`);
          suspected ||= forceRefresh;
        } else throw error;
        if (signal.aborted) throw error;
      }
    }
  }

  async function exchange(method: string, request: TokenRequest, signal: AbortSignal): Promise<GuestpassToken | undefined> {
    const sentAt = clock.now();
    const answer = await send(options, clock, method, request, signal);
    throwIfEnded(signal);
    if (method === "DELETE" && (answer.status === 200 || answer.status === 204)) return undefined;
    const result = read(answer, sentAt, clock.now());
    if ("token" in result) return result;
    if (result.action === "sign-in") {
      refusedBearer = request.bearer;
      // If only the Entra token of a Teams user is too old, the ACS token is still valid.
      if (result.type && !/teams-token/.test(result.type)) forget();
    }
    throw result;
  }

  /** Requests a token that is not `than`. */
  function start(than?: string): Promise<GuestpassToken> {
    const stop = new AbortController();
    const { signal } = stop;
    let resolve!: (token: GuestpassToken) => void;
    let reject!: (error: GuestpassError) => void;
    const promise = new Promise<GuestpassToken>((...both) => ([resolve, reject] = both));
    promise.catch(nothing); // all callers may have stopped waiting
    const mine: Flight = (flight = { promise, reject, stop });
    const attempt = async (forceRefresh: boolean) => {
      const ready = fresh(than);
      if (ready) return ready;
      const request = await prepare(forceRefresh, signal, !!than);
      if (state.name === "sign-in" && request.bearer === refusedBearer && clock.now() < holdUntil) throw state.error;
      throwIfEnded(signal);
      if (tabs.enter(request.subject)) {
        // The account was switched without a sign-out: neither this tab nor another may use the token.
        forget();
        setState({ name: "requesting" });
      }
      return tabs.exclusive(async () => {
        throwIfEnded(signal); // while it waited for the lock
        if (!fresh(than)) await tabs.ask();
        throwIfEnded(signal);
        const shared = fresh(than);
        if (shared) return shared;
        if (!["requesting", "ready", "waiting"].includes(state.name)) setState({ name: "requesting" });
        return (await exchange("POST", request, signal))!;
      });
    };
    const onRetry = (error: RetryLaterError, retryAt: number) => setState({ name: "waiting", error, retryAt, tokenValid: remaining() > 0 });
    persist(attempt, signal, onRetry).then(
      (token) => {
        if (flight !== mine) return;
        flight = undefined;
        if (held === token) held = undefined; // from another tab: schedule its refresh now
        else {
          store(token);
          tabs.post({ ...token });
        }
        accept(token);
        resolve(token);
      },
      (error) => {
        if (flight !== mine) return;
        flight = undefined;
        fail(error);
        reject(error);
      },
    );
    return promise;
  }

  async function get(margin: number, explicit: boolean, force?: boolean): Promise<GuestpassToken> {
    if (explicit) await signingOut?.catch(nothing);
    await (loading ??= queue(load));
    if (state.name === "disposed" || (stopped() && !explicit)) throw new EndedError(`the source is ${state.name}`);
    if (held && !force && remaining() > margin) {
      if (!fresh() && !flight && !lasting()) void start(held.token);
      return held;
    }
    if (flight) return flight.promise;
    if ((state.name === "blocked" || lasting()) && !force && clock.now() < holdUntil) throw (state as { error?: unknown }).error;
    return start(held?.token);
  }

  function late(): GuestpassError {
    return state.name === "waiting" ? state.error : new RetryLaterError("no token yet: the source is still trying");
  }

  function refresher(): (signal?: SignalLike) => Promise<AccessToken> {
    let given = 0;
    return async (signal) => {
      for (;;) {
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

  /**
   * Waits for a new token, at most until the one before expires. Until then the timer of the credential asked, which
   * would stop for good if it was refused, and would leave an unhandled rejection.
   */
  function recovery(given: number): Promise<void> {
    return new Promise((resolve) => {
      const expiry = stopped() ? undefined : pause(clock, given - clock.now());
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

  function subscribe(listener: (state: State) => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function wake(): void {
    if (napIsOffline) nap?.end();
    else nap?.check();
  }
  const onVisible = () => {
    if (page!.visibilityState === "visible") wake();
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
    fetch: ({ force, signal, maxWaitMs = 30 * SECOND }: FetchOptions = {}) =>
      join(get(FETCH_MARGIN, true, force), clock, signal, maxWaitMs, late),
    async signOut({ signal, maxWaitMs = 30 * SECOND } = {}) {
      if (state.name === "disposed") throw new EndedError("the source is disposed");
      let posted = tabs.subject;
      tabs.post({ signOut: true });
      end({ name: "signed-out" });
      store(null);
      const stop = new AbortController();
      let last = new RetryLaterError("the sign-out is not confirmed yet");
      const attempt = async (forceRefresh: boolean) => {
        const request = await prepare(forceRefresh, stop.signal);
        throwIfEnded(stop.signal);
        if (!posted) {
          // Without a token, only the bearer says whose tabs have to know.
          tabs.enter((posted = request.subject));
          tabs.post({ signOut: true });
          tabs.leave();
        }
        await exchange("DELETE", request, stop.signal);
      };
      const done = persist(attempt, stop.signal, (error) => (last = error));
      const joined = join(done, clock, signal, maxWaitMs, () => last).finally(() => {
        stop.abort();
        nap?.end();
        if (signingOut === joined) signingOut = undefined;
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
    refresher,
  };
}
