import type { GuestpassToken } from "./answers.js";
import { inPage, SECOND, type Clock } from "./clock.js";

/** A message between the tabs of one user. It stays in the memory of the browser. */
export interface TabMessage extends Partial<GuestpassToken> {
  /** The sender asks for a token. */
  readonly ask?: true;
  /** The user signed out. */
  readonly signOut?: true;
}

/** The other tabs that the same user has open. */
export interface Tabs {
  /** The user whose tabs share their tokens; absent until `enter`, and where there are no tabs. */
  readonly subject: string | undefined;
  /** Finds the tabs of a user. Returns whether this was a tab of another user before. */
  enter(subject: string | undefined): boolean;
  /** Runs `action` in one tab at a time. */
  exclusive<T>(action: () => Promise<T>): Promise<T>;
  /** Asks other tabs for a token, if there are any, and waits a moment for one. */
  ask(): Promise<void>;
  post(message: TabMessage): void;
  /** Resolves the wait of `ask`. */
  answered(): void;
  leave(): void;
}

const LONGEST_LOCK = 10 * SECOND;
const LONGEST_ANSWER = 100;

export function createTabs(enabled: boolean, scope: string, clock: Clock, onMessage: (message: TabMessage) => void): Tabs {
  const locks = enabled && inPage() && typeof BroadcastChannel === "function" ? navigator.locks : undefined;
  let subject: string | undefined;
  let name: string | undefined;
  let channel: BroadcastChannel | undefined;
  let present: Promise<void> | undefined;
  let release = () => {};
  let answered = () => {};

  const leave = () => {
    channel?.close();
    release();
    subject = name = channel = undefined;
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
      const tab = `${(name = `guestpass ${scope} ${subject}`)} tab`;
      channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => onMessage(data);
      present = new Promise((resolve) => {
        const held = new Promise<void>((end) => (release = end));
        void locks.request(tab, { mode: "shared" }, () => (resolve(), held));
      });
      return switched;
    },
    exclusive(action) {
      if (!name || !locks) return action();
      // A tab that the browser froze may hold the lock, so its absence must not stop this one.
      const waiting = new AbortController();
      const cancel = clock.after(LONGEST_LOCK, () => waiting.abort());
      let run: ReturnType<typeof action> | undefined;
      const once = () => (cancel(), (run ??= action()));
      return locks.request(name, { signal: waiting.signal }, once).catch(once) as typeof run & {};
    },
    async ask() {
      if (!name || !locks) return;
      await present;
      const { held } = await locks.query();
      if (held!.filter((lock) => lock.name === `${name} tab`).length < 2) return;
      await new Promise<void>((resolve) => {
        answered = resolve;
        clock.after(LONGEST_ANSWER, resolve);
        channel?.postMessage({ ask: true });
      });
    },
  };
}
