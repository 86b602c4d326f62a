import { inPage, pause, type Clock, type Pause } from "./clock.js";

/** The waits of a source, of which each ends the one before. The page ends them early when it wakes up. */
export interface Naps {
  /** Resolves at the end, with whether no later nap ended it. `offline`: the return of the network ends it at once. */
  begin(milliseconds: number, offline?: boolean): Promise<boolean>;
  end(): void;
  /** Ends a nap whose time has come while timers stood still, and one that waits for the network. */
  wake(): void;
  /** Listens to the page no more. */
  leave(): void;
}

export function createNaps(clock: Clock): Naps {
  const stop = new AbortController();
  let last: Pause | undefined;
  let isOffline: boolean | undefined;

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
      const mine = (last = pause(clock, milliseconds));
      return mine.done.then(() => last === mine);
    },
    end: () => last?.end(),
    wake,
    leave: () => stop.abort(),
  };
}
