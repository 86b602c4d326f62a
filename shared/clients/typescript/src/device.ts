import { inPage } from "./clock.js";
import { GuestpassError, type ErrorDetails } from "./errors.js";
import type { TokenStorage } from "./options.js";

/** The device secret cannot be kept, so no request was sent: it would use a place of the invitation up for nothing. */
export class DeviceStorageError extends GuestpassError {
  declare readonly action: "storage";
  constructor(message: string, details?: ErrorDetails) {
    super("DeviceStorageError", "storage", message, details);
  }
}

const KEY = "guestpass-device";

/** The localStorage of the page. Access to it throws if the browser blocks site data, or outside of a browser. */
const localDevice: TokenStorage = {
  load: async () => localStorage.getItem(KEY),
  save: async (value) => localStorage.setItem(KEY, value!),
};

function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

const isSecret = (text: string | null | undefined): text is string => /^[\w-]{22,86}$/.test(`${text ?? ""}`);

async function loadOrCreate(storage: TokenStorage): Promise<string> {
  const stored = await storage.load();
  if (isSecret(stored)) return stored;
  await storage.save(newSecret());
  // Read it back: another tab may have been faster, and a storage may keep nothing.
  const kept = await storage.load();
  if (isSecret(kept)) return kept;
  throw new DeviceStorageError("the storage did not keep the device secret");
}

/** The secret of this device, which is kept before it is used. Tabs that start at once agree on one. */
export async function deviceSecret(storage: TokenStorage = localDevice): Promise<string> {
  const locks = inPage() ? navigator.locks : undefined;
  try {
    return await (locks ? locks.request(KEY, () => loadOrCreate(storage)) : loadOrCreate(storage));
  } catch (cause) {
    if (cause instanceof DeviceStorageError) throw cause;
    throw new DeviceStorageError("the device secret cannot be stored: allow site data, or pass `device`", { cause });
  }
}
