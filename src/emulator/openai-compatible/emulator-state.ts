// The OpenAI-compatible emulator as its users see it, its options with their defaults, and what it holds.

import type { Clock } from "../../contract/clock.ts";
import { connectionReset } from "../broken-connection.ts";
import { createGates, type Gates } from "../gates.ts";
import { createRequestLog, type RecordedRequest, type RequestLog } from "../request-log.ts";
import { createScriptQueue, type ScriptQueue } from "../script-queue.ts";
import type { Dialect, DialectName } from "./dialect.ts";
import type { ModelCard } from "./model-card.ts";
import { dialects } from "./dialects/index.ts";
import { createLimits, type LimitOptions, type Limits } from "./limits.ts";
import type { CallName, Quirk, ScriptEntry } from "./script.ts";

export type CompatibleRequest = RecordedRequest<CallName>;

export interface CompatibleEmulatorOptions {
  /** Whose server is played. */
  dialect: DialectName;
  /** Version or setting of that server. @defaultValue its first */
  variant?: string | undefined;
  /** Decides wording, chunking and ids. Without a seed the wording is that of seed 1 and the ids are new. */
  seed?: number;
  /** Milliseconds between two events of a reply. @defaultValue 20 */
  tokenDelayMs?: number;
  clock?: Clock;
  /** Only these are accepted. Undefined: any key, and none where the server asks for none. */
  keys?: readonly string[] | undefined;
  limits?: LimitOptions | undefined;
  /** Headers that tell of the limits. @defaultValue the dialect's */
  rateHeaders?: "none" | "openai" | "modelscope";
  /** Ids of the models that it serves. @defaultValue the dialect's */
  models?: readonly string[] | undefined;
  /** Window of all models. @defaultValue each model's own */
  contextTokens?: number | undefined;
  /** On every reply, besides those that a script orders. */
  quirks?: readonly Quirk[] | undefined;
  /** A keep-alive whenever this long nothing was said. @defaultValue the dialect's */
  pingEveryMs?: number | undefined;
  /** Oldest entries of the request log are dropped beyond it. @defaultValue 1000 */
  maxRecordedRequests?: number;
}

export interface OpenAICompatibleEmulator {
  readonly dialect: DialectName;
  /** As the global `fetch` does: rejects when the request's signal is aborted or the connection is reset. */
  fetch(request: Request): Promise<Response>;
  /** What was asked, oldest first, bounded. `account` is the key. */
  readonly requests: readonly CompatibleRequest[];
  /** Adds orders behind those that still wait. */
  script(...entries: readonly ScriptEntry[]): void;
  /** Orders that were not used yet. */
  readonly pendingScripts: number;
  /** Lets one event (or answer) through the gate, `count` of them, or all from now on. */
  release(gate: string, count?: number | "all"): void;
  /** Resolves as soon as the requests satisfy the test; looked at again with every event. */
  until(test: (requests: readonly CompatibleRequest[]) => boolean, signal?: AbortSignal): Promise<void>;
  /** Forgets scripts, gates, limits and requests; ends what runs. */
  reset(): void;
}

export interface CompatibleState {
  readonly dialect: Dialect;
  readonly variant: string;
  readonly options: CompatibleEmulatorOptions;
  readonly seed: number;
  readonly idSource: string;
  readonly clock: Clock;
  readonly cards: readonly ModelCard[];
  readonly gates: Gates;
  readonly log: RequestLog<CallName>;
  readonly scripts: ScriptQueue<ScriptEntry>;
  readonly limits: Limits;
  /** Whether a scripted `encoding` is carried out. In process nobody would decode it. */
  readonly compress: boolean;
  /** What a reader in process sees of a reset connection. */
  readonly resetError: Error | undefined;
}

/** @throws {RangeError} when the dialect has no such variant */
export function createCompatibleState(
  options: CompatibleEmulatorOptions,
  transport: "in-process" | "http",
): CompatibleState {
  const dialect = dialects[options.dialect];
  const variant = options.variant ?? dialect.variants[0];
  if (!dialect.variants.includes(variant)) {
    const known = dialect.variants.join(", ");
    throw new RangeError(`Cannot play variant "${variant}" of "${dialect.name}": its variants are ${known}`);
  }
  const clock = options.clock ?? Date.now;
  return {
    dialect,
    variant,
    options,
    seed: options.seed ?? 1,
    idSource: options.seed === undefined ? crypto.randomUUID() : `seed ${options.seed}`,
    clock,
    cards: options.models === undefined ? dialect.cards : options.models.map((id) => cardNamed(id, dialect)),
    gates: createGates(),
    log: createRequestLog<CallName>(options.maxRecordedRequests ?? 1000),
    scripts: createScriptQueue<ScriptEntry>(),
    limits: createLimits(options.limits ?? {}, clock),
    compress: transport === "http",
    resetError: transport === "http" ? undefined : connectionReset(),
  };
}

/** A name of the user's own has the abilities of the dialect's first model. */
function cardNamed(id: string, { cards }: Dialect): ModelCard {
  const known = cards.find((card) => card.id === id) ?? cards[0];
  if (known === undefined) throw new Error("Cannot serve a model: the dialect has none to take after");
  return { ...known, id };
}

export function contextOf(card: ModelCard, { options }: CompatibleState): number {
  return options.contextTokens ?? card.contextTokens;
}
