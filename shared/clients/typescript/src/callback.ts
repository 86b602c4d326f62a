import { pause, type Clock } from "./clock.js";
import { join } from "./requests.js";
import type { AccessToken, SignalLike } from "./options.js";
import type { States } from "./states.js";

/** Creates the callback of one credential of Microsoft, which gets its tokens from `get`. */
export function createCallback(get: () => Promise<AccessToken>, states: States, clock: Clock): (signal?: SignalLike) => Promise<AccessToken> {
  let given = 0;
  return async (signal) => {
    for (;;) {
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

/**
 * Waits for a new token, at most until the one before expires. Until then the timer of the credential asked, which
 * would stop for good if it was refused, and would leave an unhandled rejection.
 */
function recovery(given: number, states: States, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const expiry = states.stopped ? undefined : pause(clock, given - clock.now());
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
