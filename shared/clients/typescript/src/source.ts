import { MINUTE, SECOND, systemClock } from "./clock.js";
import { tokenOrError, type GuestpassToken } from "./answers.js";
import { createCallback } from "./callback.js";
import { EndedError, RetryLaterError, type BlockedError, type GiveUpError, type GuestpassError, type SignInRequiredError } from "./errors.js";
import { createKeeper, type KeptToken } from "./keeper.js";
import { createNaps } from "./naps.js";
import { createRepeat } from "./repeat.js";
import { join, send, throwIfEnded, type Prepare, type TokenRequest } from "./requests.js";
import { createStates } from "./states.js";
import { createTabs, type TabMessage } from "./tabs.js";
import { userRequest } from "./user.js";
import type { State, TokenSource, TokenSourceOptions } from "./options.js";

/** A request for a token with its repetitions, which all callers share. */
interface Flight {
  readonly promise: Promise<GuestpassToken>;
  readonly end: () => void;
}

/** `fetch()` returns a token that is valid for at least this long. */
const FETCH_MARGIN = MINUTE;
/** Microsoft's classes ask ten minutes before the end, and want a token that lives longer. */
const REFRESHER_MARGIN = 10 * MINUTE + 10 * SECOND;
/** How long a final error is the answer to further calls, so that an app that repeats its calls sends no requests. */
const HOLD = MINUTE;
/** How often a refresh that failed for good is tried again while there is a valid token. */
const RECHECK = 5 * MINUTE;
/** How long a call waits if it does not say it. */
const MAX_WAIT = 30 * SECOND;

/** Creates a source of tokens for one user. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  return createSource(options, (forceRefresh, signal) => userRequest(options, forceRefresh, signal));
}

/** Creates a source of the tokens for which `prepare` makes the requests. Tabs share tokens of the same `kind`. */
export function createSource(options: Omit<TokenSourceOptions, "getBearer">, prepare: Prepare, read = tokenOrError, kind = JSON.stringify(options.request)): TokenSource {
  const clock = options.clock ?? systemClock;
  const states = createStates(clock, options.onState);
  const keeper = createKeeper(options.storage);
  const naps = createNaps(clock);
  const tabs = createTabs(options.tabs !== false, `${options.url} ${kind}`, clock, hear);
  const repeat = createRepeat(clock, naps, states, options.url);
  let held: GuestpassToken | undefined;
  let flight: Flight | undefined;
  let loading: Promise<void> | undefined;
  let signingOut: Promise<unknown> | undefined;
  let refusedBearer: string | undefined;
  let holdUntil = 0;

  const remaining = (token = held) => (token?.expiresOnTimestamp ?? 0) - clock.now();
  const fresh = (than?: string) => (held && held.token !== than && clock.now() < held.refreshAfterTimestamp ? held : undefined);

  const endedError = () => new EndedError(`the source is ${states.now.name}`);
  /** The same request fails again, but does not end the token. `ask-host` is a state of guests. */
  const lasting = () => ["failed", "ask-host"].includes(states.now.name);

  /** What another tab of the user says. */
  function hear(message: TabMessage): void {
    if (states.stopped) return;
    if (message.signOut) endSession();
    if (message.ask && fresh()) tabs.post(held!);
    if (message.refreshAfterTimestamp! > Math.max(clock.now(), held?.refreshAfterTimestamp ?? 0)) {
      accept(message as GuestpassToken);
      tabs.answered();
    }
  }

  /** Uses the token that was kept when the app ran before. */
  function restore({ subject, ...token }: KeptToken): void {
    if (held || states.stopped || !token.token || remaining(token) <= FETCH_MARGIN) return;
    tabs.enter(subject); // for a sign-out before the first refresh
    accept(token);
  }

  /** Refreshes in the background, after some time and if nothing else did. */
  function schedule(milliseconds: number): void {
    const before = held!;
    void naps.begin(milliseconds).then((isLast) => {
      // A later nap ends this one, and has a continuation of its own.
      if (isLast && held === before && !flight && !states.stopped) void start(before.token);
    });
  }

  function accept(token: GuestpassToken): void {
    if (held === token) return;
    held = token;
    const { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } = token;
    states.set({ name: "ready", token: { expiresOnTimestamp, refreshAfterTimestamp, communicationUserId } });
    naps.end();
    const wait = refreshAfterTimestamp - clock.now();
    if (!flight) schedule(wait + clock.random() * Math.min(30 * SECOND, Math.max(wait, 0) / 100));
  }

  /** ACS revoked the tokens of a user who is blocked or was signed out. */
  function forget(): void {
    held = undefined;
    keeper.save(null);
  }

  function fail(error: BlockedError | GiveUpError | SignInRequiredError): void {
    if (states.error === error) return;
    holdUntil = clock.now() + HOLD;
    if (error.action === "blocked") forget();
    states.set({ name: error.action === "give-up" ? "failed" : error.action, error } as State);
    if (lasting() && held) schedule(RECHECK);
  }

  function end(next: State): void {
    const ended = flight;
    flight = held = refusedBearer = undefined;
    naps.end();
    tabs.leave();
    states.set(next);
    ended?.end();
  }

  function endSession(): void {
    end({ name: "signed-out" });
    keeper.save(null);
  }

  async function exchange(method: string, request: TokenRequest, signal: AbortSignal): Promise<GuestpassToken | undefined> {
    const sentAt = clock.now();
    const answer = await send(options, clock, method, request, signal);
    throwIfEnded(signal);
    if (method === "DELETE" && [200, 204].includes(answer.status)) return undefined;
    const result = read(answer, sentAt, clock.now());
    if ("token" in result) return result;
    if (result.action === "sign-in") {
      refusedBearer = request.bearer;
      // If only the Entra token of a Teams user is too old, the ACS token is still valid.
      if (result.type && !/teams-token/.test(result.type)) forget();
    }
    throw result;
  }

  /** Asks once for a token that is not `than`: here, then other tabs, then the service. */
  async function ask(than: string | undefined, forceRefresh: boolean, signal: AbortSignal): Promise<GuestpassToken> {
    const ready = fresh(than);
    if (ready) return ready;
    const request = await prepare(forceRefresh, signal, !!than);
    if (states.now.name === "sign-in" && request.bearer === refusedBearer && clock.now() < holdUntil) throw states.error;
    throwIfEnded(signal);
    if (tabs.enter(request.subject)) {
      // The account was switched without a sign-out: neither this tab nor another may use the token.
      forget();
      states.set({ name: "requesting" });
    }
    return tabs.exclusive(async () => {
      throwIfEnded(signal); // while it waited for the lock
      if (!fresh(than)) await tabs.ask();
      throwIfEnded(signal);
      const shared = fresh(than);
      if (shared) return shared;
      if (!["requesting", "ready", "waiting"].includes(states.now.name)) states.set({ name: "requesting" });
      return (await exchange("POST", request, signal))!;
    });
  }

  /** Requests a token that is not `than`, until there is one or the error is final. */
  function start(than?: string): Promise<GuestpassToken> {
    const stop = new AbortController();
    let resolve!: (token: GuestpassToken) => void;
    let reject!: (error: GuestpassError) => void;
    const promise = new Promise<GuestpassToken>((...both) => ([resolve, reject] = both));
    promise.catch(() => {}); // all callers may have stopped waiting
    const end = () => {
      stop.abort();
      reject(endedError());
    };
    const mine: Flight = (flight = { promise, end });
    const onRetry = (error: RetryLaterError, retryAt: number) =>
      states.set({ name: "waiting", error, retryAt, tokenValid: remaining() > 0 });
    repeat((forceRefresh) => ask(than, forceRefresh, stop.signal), stop.signal, onRetry).then(
      (token) => {
        if (flight !== mine) return;
        flight = undefined;
        if (held === token) held = undefined; // from another tab: schedule its refresh now
        else {
          keeper.save({ ...token, subject: tabs.subject });
          tabs.post(token);
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
    if (explicit) await signingOut?.catch(() => {});
    await (loading ??= keeper.load(restore));
    const { name } = states.now;
    if (name === "disposed" || (states.stopped && !explicit)) throw endedError();
    if (held && !force && remaining() > margin) {
      if (!fresh() && !flight && !lasting()) void start(held.token);
      return held;
    }
    if (flight) return flight.promise;
    if ((name === "blocked" || lasting()) && !force && clock.now() < holdUntil) throw states.error;
    return start(held?.token);
  }

  function late(): GuestpassError {
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
      const done = repeat(attempt, stop.signal, (error) => (last = error));
      const joined = join(done, clock, signal, maxWaitMs, () => last).finally(() => {
        stop.abort();
        naps.end();
        if (signingOut === joined) signingOut = undefined;
      });
      await (signingOut = joined);
    },
    subscribe: states.subscribe,
    wake: naps.wake,
    dispose() {
      naps.leave();
      end({ name: "disposed" });
    },
    refresher: () => createCallback(() => get(REFRESHER_MARGIN, false), states, clock),
  };
}
