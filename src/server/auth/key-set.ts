// The key set behind JWT_JWKS_URL: read when it is first needed, read again when it is old or lacks a key, and kept as it
// is while its address is down.

import type { JSONWebKeySet, JWK } from "jose";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject } from "../../contract/json.ts";
import { reasonOf } from "../../contract/thrown.ts";
import type { HttpClient } from "../../outbound/http-client.ts";
import { readBytes } from "../../outbound/read-bytes.ts";
import type { Log } from "../../telemetry/log.ts";

export interface KeySetOptions {
  readonly url: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly log: Log;
}

export interface KeySet {
  /** The same object as long as the keys are the same. @throws {GatewayError} `overloaded` when none has ever come */
  current(): Promise<JSONWebKeySet>;
  /** After a token whose key is not in `known`. Undefined: there is nothing newer, or it is too early to ask again. */
  newerThan(known: JSONWebKeySet): Promise<JSONWebKeySet | undefined>;
}

const maxAgeMs = 600_000;
const fetchTimeoutMs = 5000;
const maxBytes = 262_144;
const maxKeys = 100;
/** Without any keys nobody can come in; with old ones, the wait for an address that hangs should be rare. */
const pauseWithoutKeysMs = 2000;
const pauseWithKeysMs = 60_000;
/** Tokens with invented key ids must not make us ask each time. A rotation that has been found costs no pause. */
const pauseAfterMissMs = 30_000;

export function createKeySet({ url, http, clock, log }: KeySetOptions): KeySet {
  let set: JSONWebKeySet | undefined;
  let readAtMs = 0;
  let failureEndsAtMs = 0;
  let missEndsAtMs = 0;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    try {
      const keys = await fetchKeys(url, http);
      if (JSON.stringify(keys) !== JSON.stringify(set?.keys)) set = { keys };
      readAtMs = clock();
    } catch (error) {
      // Tokens are checked with the keys there are.
      failureEndsAtMs = clock() + (set === undefined ? pauseWithoutKeysMs : pauseWithKeysMs);
      log.warn("Cannot read the key set of JWT_JWKS_URL", { kept: set?.keys.length ?? 0, reason: whyUnread(error) });
    }
  }

  /** One at a time, for all who wait. */
  async function refresh(): Promise<void> {
    if (clock() < failureEndsAtMs) return;
    reading ??= read().finally(() => (reading = undefined));
    await reading;
  }

  return {
    async current() {
      if (set === undefined || clock() - readAtMs >= maxAgeMs) await refresh();
      if (set !== undefined) return set;
      throw new GatewayError("overloaded", "Cannot check tokens: the key set of JWT_JWKS_URL is out of reach", {
        retryAfterMs: pauseWithoutKeysMs,
      });
    },
    async newerThan(known) {
      if (set === known && clock() >= missEndsAtMs) {
        await refresh();
        if (set === known) missEndsAtMs = clock() + pauseAfterMissMs;
      }
      return set === known ? undefined : set;
    },
  };
}

async function fetchKeys(url: string, http: HttpClient): Promise<JWK[]> {
  const signal = AbortSignal.timeout(fetchTimeoutMs);
  const response = await http.send({ method: "GET", url, headers: { accept: "application/json" }, signal });
  if (response.status !== 200) {
    response.body.cancel();
    throw new Error(`it answers with status ${response.status}`);
  }
  const bytes = await readBytes(response.body, maxBytes, signal);
  if (bytes === undefined) throw new Error(`it is longer than ${maxBytes} bytes`);
  const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const listed = isJsonObject(parsed) && Array.isArray(parsed["keys"]) ? parsed["keys"] : [];
  const keys = listed.filter(isPublicKey).slice(0, maxKeys);
  // An empty set is how a broken server looks, too: the keys that were there stay.
  if (keys.length === 0) throw new Error("it holds no public key");
  return keys;
}

/** A secret that somebody published is none. */
function isPublicKey(key: unknown): key is JWK {
  return isJsonObject(key) && typeof key["kty"] === "string" && key["kty"] !== "oct" && !("d" in key);
}

function whyUnread(error: unknown): string {
  return error instanceof SyntaxError ? "it is not JSON" : reasonOf(error);
}
