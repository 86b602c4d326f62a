/** Tokens of Azure Communication Services for a guest who has an invitation and no account. */
import { tokenOrError, type Answer, type GuestpassToken } from "./answers.js";
import { inPage } from "./clock.js";
import { DeviceStorageError, deviceSecret } from "./device.js";
import { BlockedError, GiveUpError, GuestpassError, type EndedError, type ErrorDetails, type RetryLaterError } from "./errors.js";
import type { TokenRequest } from "./requests.js";
import { createSource } from "./source.js";
import type { AccessToken, CommonOptions, FetchOptions, SignalLike, State, TokenSource, TokenStorage } from "./options.js";

export { BlockedError, EndedError, GiveUpError, GuestpassError, RetryLaterError } from "./errors.js";
export { DeviceStorageError };

/** Where the guest is expected. */
export type Meeting = { readonly joinUrl: string } | { readonly meetingId: string; readonly passcode?: string };

/** An ACS access token, and what the invitation says. The meeting is as secret as the token: do not log it. */
export interface GuestToken extends GuestpassToken {
  readonly meeting: Meeting;
  /** The name under which the guest was invited. */
  readonly displayName?: string;
  /** From when to when tokens are issued: timestamps of the service, by its clock. */
  readonly opensAt: string;
  readonly closesAt: string;
}

/** The PIN is missing, or it was wrong. Ask for it, and pass it to `fetch`. A wrong one is not sent again. */
export class PinError extends GuestpassError {
  declare readonly action: "pin";
  declare readonly type: "/problems/pin-required" | "/problems/pin-wrong";
  constructor(message: string, details: ErrorDetails) {
    super("PinError", "pin", message, details);
  }
}

/** The invitation admits this device no more. Only who sent the link can help, with a new link or by unlocking it. */
export class InvitationError extends GuestpassError {
  declare readonly action: "ask-host";
  declare readonly type: "/problems/invitation-unknown" | "/problems/invitation-closed" | "/problems/invitation-used-up" | "/problems/invitation-locked";
  constructor(message: string, details: ErrorDetails) {
    super("InvitationError", "ask-host", message, details);
  }
}

/** Each error that a guest's call can be rejected with. */
export type GuestError = RetryLaterError | PinError | InvitationError | BlockedError | DeviceStorageError | GiveUpError | EndedError;

/** What the app should show. A state has neither a token nor the meeting. */
export type GuestState =
  | Extract<State, { name: "idle" | "requesting" | "ready" | "waiting" | "failed" | "disposed" }>
  /** Ask for the PIN, then call `fetch({ pin })`. */
  | { readonly name: "pin"; readonly error: PinError }
  /** Ask the guest to get a new link from who invited them, or to have it unlocked. */
  | { readonly name: "ask-host"; readonly error: InvitationError }
  /** The invitation was revoked, or the guest was blocked. Leave the call, and say so. */
  | { readonly name: "blocked"; readonly error: BlockedError }
  /** Nothing was sent: let the guest allow site data, or use another browser. */
  | { readonly name: "storage"; readonly error: DeviceStorageError };

export interface GuestTokenSourceOptions extends Omit<CommonOptions, "onState"> {
  /** What stands behind the `#` of the link. It is a secret. */
  readonly handle: string;
  /** The six digits, if the app has them already. They are sent until one answer, and then forgotten. */
  readonly pin?: string;
  /** Where the secret of this device is kept; `localStorage` if absent. The same place for all invitations. */
  readonly device?: TokenStorage;
  /** Called with each new state. */
  readonly onState?: (state: GuestState) => void;
}

export interface GuestTokenSource extends Omit<TokenSource, "state" | "fetch" | "signOut" | "subscribe"> {
  readonly state: GuestState;
  /** A valid token, or one of the errors of `GuestError`. Nothing is sent before the first call. */
  fetch(options?: FetchOptions & { readonly pin?: string }): Promise<GuestToken>;
  subscribe(listener: (state: GuestState) => void): () => void;
}

/** The `tokenRefresher` of an AzureCommunicationTokenCredential, with the source behind it. */
export interface GuestTokenRefresher {
  (abortSignal?: SignalLike): Promise<AccessToken>;
  readonly source: GuestTokenSource;
}

const PROBLEM = "/problems/";
const WRONG_PIN = { type: `${PROBLEM}pin-wrong` };

/** What a response means for a guest. */
function guestTokenOrError(answer: Answer, sentAt: number, now: number): GuestpassToken | GuestpassError {
  const result = tokenOrError(answer, sentAt, now);
  if ("token" in result) {
    const { meeting, displayName, opensAt, closesAt } = JSON.parse(answer.text);
    const token = { ...result, meeting, displayName, opensAt, closesAt };
    return meeting ? token : new GiveUpError("the response has no meeting: is `url` that of the service?", { status: answer.status });
  }
  const { action, message, type } = result;
  const kind = type?.split(PROBLEM)[1] ?? "";
  if (/^pin-(required|wrong)$/.test(kind)) return new PinError(message, result);
  if (/^invitation-(unknown|closed|used-up|locked)$/.test(kind)) return new InvitationError(message, result);
  if (kind === "invitation-revoked") return new BlockedError(message, result);
  // The route has no authorizer, so a 401 comes from another server.
  return action === "sign-in" ? new GiveUpError(message, result) : result;
}

/** The id of an invitation, by which its tabs find each other: it is in the names of their locks, and opens nothing. */
async function invitationId(handle: string): Promise<string | undefined> {
  if (!inPage() || !crypto.subtle) return undefined;
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`guestpass invitation\0${handle}`));
  return String.fromCharCode(...new Uint8Array(bytes));
}

/** Creates a source of tokens for one guest. */
export function createGuestTokenSource(options: GuestTokenSourceOptions): GuestTokenSource {
  const { handle } = options;
  let { pin } = options;
  let sentPin: string | undefined;
  let device: Promise<string> | undefined;
  let subject: string | undefined;

  async function prepare(): Promise<TokenRequest> {
    if (!/^gp_[\w-]{22}$/.test(handle)) throw new InvitationError("the link is not complete", { type: `${PROBLEM}invitation-unknown` });
    if (pin !== undefined && !/^\d{6}$/.test(pin)) {
      pin = undefined;
      throw new PinError("a PIN has six digits: nothing was sent", WRONG_PIN);
    }
    subject ??= await invitationId(handle);
    device ??= deviceSecret(options.device);
    const secret = await device.catch((error) => {
      device = undefined;
      throw error;
    });
    sentPin = pin;
    return { path: "/v1/guest/token", body: JSON.stringify({ handle, device: secret, pin }), subject };
  }

  function read(answer: Answer, sentAt: number, now: number): GuestpassToken | GuestpassError {
    const result = guestTokenOrError(answer, sentAt, now);
    // A PIN is tried ten times, so an answered one is not sent again.
    if (pin === sentPin && ("token" in result || result.action !== "retry")) pin = undefined;
    return result;
  }

  // The states that a guest has beside those of a user are its errors, by their action.
  const source = createSource(options as CommonOptions, prepare, read) as unknown as GuestTokenSource;
  const { subscribe, wake, dispose, refresher } = source;
  return {
    get state() {
      return source.state;
    },
    subscribe,
    wake,
    dispose,
    refresher,
    fetch({ pin: given, ...rest } = {}) {
      if (given === undefined) return source.fetch(rest);
      pin = given;
      return source.fetch({ force: true, ...rest });
    },
  };
}

/** Creates the `tokenRefresher` of one AzureCommunicationTokenCredential for a guest. */
export function createGuestTokenRefresher(options: GuestTokenSourceOptions | GuestTokenSource): GuestTokenRefresher {
  const source = "refresher" in options ? options : createGuestTokenSource(options);
  return Object.assign(source.refresher(), { source });
}
