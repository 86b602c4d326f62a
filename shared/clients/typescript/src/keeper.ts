import type { GuestpassToken } from "./answers.js";
import type { TokenStorage } from "./options.js";

/** A token between starts of the app, and the user whose it is. */
export type KeptToken = GuestpassToken & { readonly subject?: string | undefined };

/** Keeps the token in the storage of the app, if that gave one. */
export interface Keeper {
  /** Calls `use` with what was kept, and resolves afterwards, also if nothing was. */
  load(use: (kept: KeptToken) => void): Promise<void>;
  /** `null` deletes what was kept. */
  save(token: KeptToken | null): void;
}

export function createKeeper(storage: TokenStorage | undefined): Keeper {
  let last = Promise.resolve();

  /** Calls the storage after its calls before have ended: a slow save must not overwrite the deletion of a sign-out. */
  function queue(action: (storage: TokenStorage) => Promise<void>): Promise<void> {
    // After a failed load or save, the next start of the app requests a token.
    return (last = last.then(() => storage && action(storage)).catch(() => {}));
  }

  return {
    load: (use) =>
      queue(async (storage) => {
        const text = await storage.load();
        if (text) use(JSON.parse(text));
      }),
    save: (token) => {
      const text = token && JSON.stringify(token);
      void queue((storage) => storage.save(text));
    },
  };
}
