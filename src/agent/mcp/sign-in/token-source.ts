// The token of one tool server: out of the store, so that a sign-in counts at once, renewed once at a time, and written
// before it is used.

import { GatewayError } from "../../../contract/gateway-error.ts";
import type { Environment } from "../../../config/load-config.ts";
import type { Clock } from "../../../contract/clock.ts";
import { renewAlone, renewTimeoutMs } from "../../../credentials/renew-alone.ts";
import { orAborted } from "../../../outbound/or-aborted.ts";
import type { Log } from "../../../telemetry/log.ts";
import { renewTokens } from "./renew-tokens.ts";
import { SignInError, signInWanted, type WantedSignIn } from "./sign-in-error.ts";
import { type KeptSignIn, type SignInRecord, type SignInVault, signInId } from "./sign-in-vault.ts";

/** What a server says when it lets nobody in. */
export interface Challenge {
  /** It asks for a bearer token by name. */
  readonly isBearer: boolean;
  /** The token is good, and may not do this. */
  readonly isScope: boolean;
  readonly scope: string | undefined;
}

export interface TokenSource {
  /**
   * Undefined: nobody has signed in, and the server was not heard to want it lately.
   * @throws {SignInError} without asking anybody, while nothing has changed since the server refused
   */
  token(signal: AbortSignal | undefined): Promise<string | undefined>;
  /** Whether a sign-in would help against it. */
  fits(challenge: Challenge): boolean;
  /** Another one than the refused one. @throws {SignInError} when only a person can help; {GatewayError} */
  replace(refused: string | undefined, signal: AbortSignal | undefined): Promise<string>;
  /** What to throw when the server refuses a token that was just renewed. */
  refused(token: string): Promise<SignInError>;
  /** What to throw when the token may not do what was asked. */
  wantsMore(scope: string | undefined): Promise<SignInError>;
}

export interface TokenSourceOptions extends WantedSignIn {
  readonly serverUrl: string;
  /** Headers of the settings may be meant to let us in. */
  readonly hasHeaders: boolean;
  readonly vault: SignInVault;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Log;
}

/** Less life than this, and a token is renewed before it is used. */
const minLifeMs = 30_000;
/** So long nobody is asked again who wants a sign-in that nobody has made. */
const deadMs = 60_000;

type Signed = KeptSignIn & { readonly record: SignInRecord };

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { server, user, serverUrl, vault, environment, clock, log } = options;
  const id = signInId(server, user);
  let renewing: Promise<void> | undefined;
  /** Renewed and not yet in the store: the tokens before it may be of no more use. */
  let unwritten: { readonly after: number; readonly record: SignInRecord } | undefined;
  let dead: { readonly revision: number; readonly atMs: number; readonly error: SignInError } | undefined;

  async function give(why: string, revision: number, scope?: string): Promise<SignInError> {
    const error = signInWanted(options, why, scope);
    dead = { revision, atMs: clock(), error };
    // A list that cannot be written only tells less.
    await vault.noteWanted(id).catch((cause: unknown) => {
      log.error("Cannot note that a tool server needs a sign-in", { server }, cause);
    });
    return error;
  }

  /** A sign-in at another address is of no use, and must not be shown to this one. */
  function signedIn(kept: KeptSignIn): Signed | undefined {
    const { record } = kept;
    return record === undefined || record === "locked" || record.serverUrl !== serverUrl
      ? undefined
      : { ...kept, record };
  }

  function whyNone({ record }: KeptSignIn): string {
    if (record === "locked") return "its sign-in was sealed with another key";
    return record === undefined ? "it needs a sign-in" : "its address has changed since the sign-in";
  }

  async function renewNow(refused: string): Promise<void> {
    await renewAlone(vault, id, {
      isDone: async () => signedIn(await vault.find(id))?.record.accessToken !== refused,
      renew: () => renewHere(refused),
      busy: () => busy(server),
    });
  }

  async function renewHere(refused: string): Promise<void> {
    const kept = signedIn(await vault.find(id));
    if (kept?.record.accessToken !== refused) return;
    if (unwritten?.after !== kept.revision) {
      const record = await renew(kept);
      unwritten = { after: kept.revision, record };
    }
    // When somebody has signed in meanwhile, that one goes before ours.
    await vault.put(id, unwritten.record, kept.revision).catch((cause: unknown) => {
      throw failed(server, "its renewed sign-in cannot be stored", cause);
    });
    unwritten = undefined;
    log.info("Renewed the sign-in at a tool server", { server });
  }

  async function renew({ record, revision }: Signed): Promise<SignInRecord> {
    if (record.refreshToken === undefined) throw await give("its sign-in has ended", revision);
    const renewed = await renewTokens(record, { environment, clock, signal: AbortSignal.timeout(renewTimeoutMs) });
    if (renewed === "refused") throw await give("its sign-in has ended", revision);
    if (renewed instanceof Error) {
      const reason = "its sign-in cannot be renewed, its authorization server does not answer as it should";
      throw failed(server, reason, renewed);
    }
    return renewed;
  }

  async function renewOnce(refused: string, signal: AbortSignal | undefined): Promise<void> {
    renewing ??= renewNow(refused).finally(() => {
      renewing = undefined;
    });
    await (signal === undefined ? renewing : orAborted(renewing, signal));
  }

  return {
    async token(signal) {
      const kept = await vault.find(id);
      if (dead !== undefined && dead.revision === kept.revision && clock() - dead.atMs < deadMs) throw dead.error;
      const known = signedIn(kept);
      if (known === undefined) return undefined;
      const { accessToken, refreshToken, expiresAtMs } = known.record;
      if (refreshToken === undefined || expiresAtMs === undefined || expiresAtMs - clock() >= minLifeMs)
        return accessToken;
      try {
        await renewOnce(accessToken, signal);
      } catch (error) {
        if (signal?.aborted === true || expiresAtMs <= clock() || error instanceof SignInError) throw error;
        // It lives, if not for long.
        return accessToken;
      }
      return signedIn(await vault.find(id))?.record.accessToken;
    },
    fits: ({ isBearer }) => isBearer || !options.hasHeaders,
    async replace(refused, signal) {
      const kept = await vault.find(id);
      const known = signedIn(kept);
      if (known === undefined) throw await give(whyNone(kept), kept.revision);
      if (known.record.accessToken !== refused) return known.record.accessToken;
      await renewOnce(refused, signal);
      const renewed = signedIn(await vault.find(id));
      if (renewed === undefined) throw await give("it needs a sign-in", 0);
      return renewed.record.accessToken;
    },
    async refused(token) {
      const kept = await vault.find(id);
      const isSame = signedIn(kept)?.record.accessToken === token;
      return await give("it refuses its sign-in", isSame ? kept.revision : -1);
    },
    async wantsMore(scope) {
      // The sign-in is good for everything else.
      return signInWanted(options, "it needs further rights for this", scope);
    },
  };
}

function failed(server: string, reason: string, cause: unknown): GatewayError {
  const message = `Cannot use tool server "${server}": ${reason}`;
  return new GatewayError("upstream-failed", message, { cause, upstream: server, retryable: true });
}

function busy(server: string): GatewayError {
  const message = `Cannot use tool server "${server}": another process has not finished renewing its sign-in`;
  return new GatewayError("overloaded", message, { upstream: server, retryable: true });
}
