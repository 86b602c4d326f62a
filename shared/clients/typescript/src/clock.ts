/** Time and randomness, which tests replace. */
export interface Clock {
  /** Milliseconds since 1970, by the clock of the device. */
  now(): number;
  /** A number from 0 to less than 1. */
  random(): number;
  /** Calls `action` after some milliseconds, and returns what cancels that. */
  after(milliseconds: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Whether this is a page: Node.js and React Native have some of its classes, too. */
export const inPage = () => typeof document === "object";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

/** A wait that can end early. */
export interface Pause {
  /** Resolves at the end, also if the pause is ended. */
  readonly done: Promise<void>;
  /** Ends the pause if its time has come by the clock of the device. */
  check(): void;
  /** Ends the pause. */
  end(): void;
}

/**
 * Waits until the clock of the device or the timers say that the time is over, whichever is first. Timers stand
 * still while a laptop sleeps, and the clock can be set back.
 */
export function pause(clock: Clock, milliseconds: number): Pause {
  const due = clock.now() + milliseconds;
  let left = milliseconds;
  let cancel = () => {};
  let end!: () => void;
  const done = new Promise<void>((resolve) => {
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
