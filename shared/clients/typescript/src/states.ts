import type { Clock } from "./clock.js";
import type { State } from "./options.js";

type Listener = (state: State) => void;

/** The state of a source, and who hears of it. */
export interface States {
  readonly now: State;
  /** The error of the state, if it has one. */
  readonly error: unknown;
  /** Whether the app ended it. */
  readonly stopped: boolean;
  set(next: State): void;
  subscribe(listener: Listener): () => void;
}

export function createStates(clock: Clock, first?: Listener): States {
  const listeners = new Set(first && [first]);
  let now: State = { name: "idle" };
  return {
    get now() {
      return now;
    },
    get error() {
      return (now as { error?: unknown }).error;
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
          // A listener of the app must not stop the refresh; its error is reported as an uncaught one.
          clock.after(0, () => {
            throw error;
          });
        }
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
