// The keys of one upstream: which one serves, and which are set aside for how long. Kept in memory: what a server refused
// before a restart, it may be asked again.

import { GatewayError } from "../../../contract/gateway-error.ts";
import type { AccountView } from "../../../contract/upstream.ts";
import { sleep } from "../../../outbound/retry.ts";
import { isAboutKey, meanings, UpstreamRefusal } from "../refusals/refusal.ts";
import { tellWait } from "../../tell-wait.ts";

export interface KeyUse {
  /** Safe to log and to store. */
  readonly id: string;
  /** Undefined where the server wants none. */
  readonly secret: string | undefined;
  /** The reply is over. Only the first call counts. */
  end(): void;
}

export interface KeyRequest {
  readonly model: string;
  /** Keys that have refused this request already. */
  readonly except: ReadonlySet<string>;
  readonly signal: AbortSignal;
  /** Epoch milliseconds by which a cool-down must be over to be waited for. */
  readonly deadlineMs: number;
}

export interface KeyRing {
  /**
   * The ready key with the fewest open replies; where none is, one that only a person can mend rather than nobody.
   * @throws {GatewayError} when a limit lasts longer than the deadline
   */
  pick(request: KeyRequest): Promise<KeyUse>;
  /** For questions that any key may ask. */
  anySecret(): string | undefined;
  /**
   * Asks such a question with one key after the other, the ready ones first, as long as they are refused.
   * @throws what the last one was refused by
   */
  askAny<Answer>(ask: (secret: string | undefined) => Promise<Answer>): Promise<Answer>;
  /** Sets the key aside where the refusal is about it. */
  note(id: string, model: string, refusal: UpstreamRefusal): void;
  /** Whether a key besides these is ready for the model. */
  hasReady(model: string, except: ReadonlySet<string>): boolean;
  views(): readonly AccountView[];
}

export interface KeyRingOptions {
  readonly upstream: string;
  readonly secrets: readonly string[];
  /** No setting-aside is longer. Undefined: as long as it takes. */
  readonly maxAsideMs: number | undefined;
  readonly clock: () => number;
}

interface Key {
  readonly id: string;
  readonly secret: string | undefined;
  openReplies: number;
  lastPick: number;
  /** By model; "" holds for all of them. */
  readonly aside: Map<string, { readonly untilMs: number; readonly refusal: UpstreamRefusal }>;
}

/** Names of models come from clients. */
const maxModelsAside = 100;

export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { clock } = options;
  const secrets: readonly (string | undefined)[] = options.secrets.length === 0 ? [undefined] : options.secrets;
  const keys = secrets.map((secret, index): Key => ({
    // The place in the configuration, since nothing of a key may be shown.
    id: secret === undefined ? "" : `key-${index + 1}`,
    secret,
    openReplies: 0,
    lastPick: 0,
    aside: new Map(),
  }));
  let picks = 0;

  function asideOf(key: Key, model: string) {
    if (key.aside.size === 0) return undefined;
    const running = [key.aside.get(""), key.aside.get(model)].filter((aside) => (aside?.untilMs ?? 0) > clock());
    return running.toSorted((one, other) => (other?.untilMs ?? 0) - (one?.untilMs ?? 0))[0];
  }

  function readyKeys(model: string, except: ReadonlySet<string>): Key[] {
    return keys.filter((key) => !except.has(key.id) && asideOf(key, model) === undefined);
  }

  function use(key: Key): KeyUse {
    key.openReplies++;
    key.lastPick = ++picks;
    let isOver = false;
    return {
      id: key.id,
      secret: key.secret,
      end() {
        if (isOver) return;
        isOver = true;
        key.openReplies--;
      },
    };
  }

  async function pick({ model, except, signal, deadlineMs }: KeyRequest): Promise<KeyUse> {
    for (;;) {
      const [best] = readyKeys(model, except).toSorted(
        (one, other) => one.openReplies - other.openReplies || one.lastPick - other.lastPick,
      );
      if (best !== undefined) return use(best);
      const waiting = keys
        .filter((key) => !except.has(key.id))
        .flatMap((key) => {
          const aside = asideOf(key, model);
          return aside === undefined ? [] : [{ key, ...aside }];
        })
        .toSorted((one, other) => one.untilMs - other.untilMs);
      const [first] = waiting;
      if (first === undefined) throw unavailable(undefined);
      const limited = waiting.find(({ refusal }) => meanings[refusal.reason].retryable);
      // The others only a person can mend, who may have done so: the server tells, and nobody waits for nothing.
      if (limited === undefined) return use(first.key);
      if (limited.untilMs > deadlineMs) throw unavailable(limited);
      await sleep(Math.max(limited.untilMs - clock(), 1), signal);
    }
  }

  function unavailable(aside: { untilMs: number; refusal: UpstreamRefusal } | undefined): GatewayError {
    if (aside === undefined) {
      return new GatewayError("overloaded", "Cannot use a key: each has just refused this request", {
        upstream: options.upstream,
        retryable: true,
      });
    }
    const { kind, message, final } = aside.refusal;
    const retryAfterMs = aside.untilMs - clock();
    return new GatewayError(kind, tellWait(message, retryAfterMs), {
      upstream: options.upstream,
      cause: aside.refusal,
      retryAfterMs,
      final,
    });
  }

  async function askAny<Answer>(ask: (secret: string | undefined) => Promise<Answer>): Promise<Answer> {
    const ready = readyKeys("", new Set());
    const order = [...ready, ...keys.filter((key) => !ready.includes(key))];
    for (let at = 0; ; at++) {
      try {
        return await ask(order[at]?.secret);
      } catch (error) {
        // Nothing is noted of the key: it may be let in for answers all the same.
        const isOfKey = error instanceof UpstreamRefusal && isAboutKey(error.reason);
        if (!isOfKey || at + 1 >= order.length) throw error;
      }
    }
  }

  return {
    pick,
    askAny,
    anySecret() {
      const [key] = readyKeys("", new Set());
      return (key ?? keys[0])?.secret;
    },
    note(id, model, refusal) {
      const key = keys.find((candidate) => candidate.id === id);
      const meaning = meanings[refusal.reason].key;
      if (key === undefined || meaning === undefined) return;
      const lengthMs = Math.min(
        refusal.retryAfterMs ?? meaning.asideMs,
        options.maxAsideMs ?? Number.POSITIVE_INFINITY,
      );
      if (key.aside.size >= maxModelsAside) key.aside.clear();
      key.aside.set(meaning.scope === "key" ? "" : model, { untilMs: clock() + lengthMs, refusal });
    },
    hasReady: (model, except) => readyKeys(model, except).length > 0,
    views: () => (options.secrets.length === 0 ? [] : keys.map(viewOf)),
  };

  function viewOf(key: Key): AccountView {
    const running = [...key.aside.values()].filter(({ untilMs }) => untilMs > clock());
    const longest = running.toSorted((one, other) => other.untilMs - one.untilMs)[0];
    const shared = { id: key.id, alias: key.id, openReplies: key.openReplies };
    if (longest === undefined) return { ...shared, state: "ready" };
    const state = longest.refusal.kind === "upstream-auth" ? "needs-sign-in" : "cooling-down";
    return { ...shared, state, untilMs: longest.untilMs, reason: longest.refusal.message };
  }
}
