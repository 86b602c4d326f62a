import { BlockedError, GiveUpError, RetryLaterError, SignInRequiredError, type GuestpassError } from "./errors.js";
import { MINUTE, SECOND } from "./clock.js";

/** An ACS access token. */
export interface GuestpassToken {
  /** The token. It is a secret: do not log it. */
  readonly token: string;
  /** When it expires, in milliseconds since 1970 by the clock of this device, even if that clock is wrong. */
  readonly expiresOnTimestamp: number;
  /** When the source requests the next one, by the same clock. */
  readonly refreshAfterTimestamp: number;
  /** The ACS id of the user, `8:acs:…`. */
  readonly communicationUserId: string;
}

/** A response whose body was read. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
  readonly requestId: string | null;
}

/** No server of this service asks for more; a wrong header must not stop an app for a day. */
const LONGEST_RETRY_AFTER = 15 * MINUTE;

type Body = Record<string, unknown>;

function parse(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}

/** The token of a 200. Times of the server become times of this device, whose clock said `sentAt` before the request. */
function tokenOf(answer: Answer, sentAt: number): GuestpassToken | undefined {
  const body = answer.status === 200 && parse(answer.text);
  if (!body || typeof body.token !== "string" || !body.token) return undefined;
  const expires = Number(body.expiresOnTimestamp);
  const lifetime = Number(body.expiresIn) * SECOND || expires - sentAt;
  if (!(lifetime > 0)) return undefined;
  const refresh = Date.parse(`${body.refreshAfter}`) - (expires - lifetime);
  return {
    token: body.token,
    expiresOnTimestamp: sentAt + lifetime,
    refreshAfterTimestamp: sentAt + (refresh > 0 && refresh < lifetime ? refresh : (lifetime * 2) / 3),
    communicationUserId: `${(body.user as Body | undefined)?.communicationUserId ?? ""}`,
  };
}

function retryAfterOf(header: string | null, now: number): number | undefined {
  const wait = Number(header) * SECOND || Date.parse(`${header}`) - now;
  return wait > 0 ? Math.min(wait, LONGEST_RETRY_AFTER) : undefined;
}

/**
 * What a response that is not a token means. A problem document says it in `retry`. API Gateway's own responses
 * have `message` only, so their status decides. What is not JSON comes from a proxy, a captive portal or another server.
 */
function errorOf(answer: Answer, now: number): GuestpassError {
  const { status } = answer;
  const body = parse(answer.text);
  const { retry, type, title, message } = body ?? {};
  const about = `${title ?? message ?? "not a response of the service: is `url` wrong, or a proxy in between?"}`;
  const text = `the request failed (${status}): ${about.slice(0, 120)}`;
  const details = { status, type: typeof type === "string" ? type : undefined, requestId: answer.requestId ?? undefined };
  if (status === 403 && /user-blocked$/.test(`${type}`)) return new BlockedError(text, details);
  if (retry === "sign-in" || (status === 401 && !retry)) return new SignInRequiredError(text, details);
  const temporary = status > 499 || [407, 408, 425, 429].includes(status) || (!body && (status < 300 || status === 403));
  if (retry === "later" || (temporary && !retry)) {
    return new RetryLaterError(text, { ...details, retryAfterMs: retryAfterOf(answer.retryAfter, now) });
  }
  return new GiveUpError(text, details);
}

/** What a response means. `sentAt` is the time of the request by the clock of the device. */
export const tokenOrError = (answer: Answer, sentAt: number, now: number): GuestpassToken | GuestpassError => tokenOf(answer, sentAt) ?? errorOf(answer, now);
