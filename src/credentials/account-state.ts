// Why an account is set aside and for how long. Every setting-aside ends by itself, but for a pause.

import type { ErrorKind } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import type { AccountView } from "../contract/upstream.ts";

export type AsideKind =
  /** A limit of the account: the service says when it ends. */
  | "limit"
  /** The service has too much to do: others are asked first, but nobody is turned away for it. */
  | "busy"
  /** Its credentials were refused. */
  | "sign-in"
  /** The firewall asks for a human check. */
  | "challenge"
  /** Its owner wants it so, until he says otherwise. */
  | "paused";

export interface Aside {
  readonly kind: AsideKind;
  /** Undefined: written by a version that did not know it. */
  readonly sinceMs?: number | undefined;
  readonly untilMs: number;
  /** In words that follow "account x:". No secret, and nothing of what the service wrote. */
  readonly reason: string;
  /** Digest of the credentials that it was about. */
  readonly credentials: string;
}

/** Milliseconds where the service does not say how long. */
export type AsideDurations = Readonly<Record<AsideKind, number>>;

export const defaultAsideMs: AsideDurations = {
  limit: 24 * 3_600_000,
  busy: 2 * 60_000,
  "sign-in": 5 * 60_000,
  challenge: 10 * 60_000,
  paused: Number.MAX_SAFE_INTEGER,
};

/** The error of a request that an account set aside would have served. */
export const errorKindOf: Readonly<Record<AsideKind, ErrorKind>> = {
  limit: "upstream-quota",
  busy: "overloaded",
  "sign-in": "upstream-auth",
  challenge: "upstream-challenge",
  paused: "overloaded",
};

export const viewStateOf: Readonly<Record<AsideKind, AccountView["state"]>> = {
  limit: "cooling-down",
  busy: "cooling-down",
  "sign-in": "needs-sign-in",
  challenge: "challenged",
  paused: "paused",
};

/** New credentials answer a refusal or a challenge; a limit is the user's, whatever token comes along, and so is a pause. */
export function concerns(aside: Aside, credentials: string): boolean {
  return (
    aside.kind === "limit" || aside.kind === "busy" || aside.kind === "paused" || aside.credentials === credentials
  );
}

/** The cap also holds for what began under other settings. A pause has none. */
export function endOf({ kind, sinceMs, untilMs }: Aside, maxAsideMs: number | undefined): number {
  if (kind === "paused" || sinceMs === undefined || maxAsideMs === undefined) return untilMs;
  return Math.min(untilMs, Math.ceil(sinceMs + maxAsideMs));
}

export function formatAside(aside: Aside | undefined): string {
  return aside === undefined ? "" : JSON.stringify(aside);
}

/** Undefined for whatever cannot be read: an account is ready unless something says otherwise. */
export function parseAside(text: string): Aside | undefined {
  if (text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const { kind, sinceMs, untilMs, reason, credentials } = value;
  if (!isAsideKind(kind) || typeof untilMs !== "number") return undefined;
  if (typeof reason !== "string" || typeof credentials !== "string") return undefined;
  return { kind, ...(typeof sinceMs === "number" && { sinceMs }), untilMs, reason, credentials };
}

function isAsideKind(value: unknown): value is AsideKind {
  return typeof value === "string" && Object.hasOwn(errorKindOf, value);
}

/** "40 s", "9 min", "3 h 20 min": rounded up, so that whoever waits that long has waited long enough. */
export function describeDuration(durationMs: number): string {
  const seconds = Math.max(1, Math.ceil(durationMs / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
