// The emulator as its users see it, its options with their defaults, and what it holds.

import type { Clock } from "../contract/clock.ts";
import type { Json } from "../contract/json.ts";
import { type AccountOptions, type Accounts, createAccounts, type TokenState } from "./accounts.ts";
import { connectionReset } from "./broken-connection.ts";
import { type ChatStore, createChatStore } from "./chat-tree.ts";
import { createFileStore, type FileStore, type SeenFile } from "./file-store.ts";
import { createGates, type Gates } from "./gates.ts";
import { defaultModelIds } from "./models.ts";
import { createRequestLog, type RecordedRequest, type RequestLog } from "./request-log.ts";
import type { ScriptEntry } from "./script.ts";
import { createScriptQueue, type ScriptQueue } from "./script-queue.ts";

export interface EmulatorOptions {
  /**
   * Decides wording, chunking and ids. Without a seed the wording is that of seed 1 and the ids are new in every
   * process, so that a chat id that a gateway kept never names another process's chat.
   * @defaultValue 1
   */
  seed?: number;
  /** Milliseconds between two events of a reply. @defaultValue 20 */
  tokenDelayMs?: number;
  clock?: Clock;
  /** How long a chat refuses messages after a reply ended or was given up without `stop`. @defaultValue 0 */
  busyMs?: number;
  /** Only these tokens are accepted, and those issued by a refresh. Undefined: any token, or none. */
  tokens?: readonly string[] | undefined;
  /** Account of a token or refresh token. Others: the `id` in their payload, else the token itself. */
  accountIds?: Readonly<Record<string, string>>;
  /** Life of a token that a refresh issues. @defaultValue 900_000 */
  accessTokenLifeMs?: number;
  /** @defaultValue false */
  rotateRefreshTokens?: boolean;
  /** Bodies of completions longer than this many characters meet the firewall. Undefined: no limit. */
  wafBodyChars?: number | undefined;
  /** When given, completions must carry some `version`, and `chats/new` none or this one. */
  currentVersion?: string | undefined;
  models?: readonly string[];
  /** Oldest entries of the request log are dropped beyond it. @defaultValue 1000 */
  maxRecordedRequests?: number;
}

export interface QwenWebEmulator {
  /** As the global `fetch` does: rejects when the request's signal is aborted or the connection is reset. */
  fetch(request: Request): Promise<Response>;
  /** What was asked, oldest first, bounded. */
  readonly requests: readonly RecordedRequest[];
  /** Adds orders behind those that still wait. */
  script(...entries: readonly ScriptEntry[]): void;
  /** Orders that were not used yet. */
  readonly pendingScripts: number;
  /** Lets one event (or answer) through the gate, `count` of them, or all from now on. */
  release(gate: string, count?: number | "all"): void;
  /** Marks a bearer, cookie or refresh token. */
  setTokenState(token: string, state: TokenState): void;
  /** What was announced and put into the storage, oldest first, bounded. */
  files(): readonly SeenFile[];
  /** All chats of all accounts, as `GET /api/v2/chats/{id}` shows them. */
  chats(): readonly Json[];
  /** Resolves as soon as the requests satisfy the test; looked at again with every event. */
  until(test: (requests: readonly RecordedRequest[]) => boolean, signal?: AbortSignal): Promise<void>;
  /** Forgets chats, scripts, gates, tokens and requests; ends what runs. */
  reset(): void;
}

export interface ResolvedOptions extends AccountOptions {
  readonly seed: number;
  readonly tokenDelayMs: number;
  readonly busyMs: number;
  readonly wafBodyChars: number;
  readonly currentVersion: string | undefined;
  readonly models: readonly string[];
  /** Whether a scripted `encoding` is carried out. In process nobody would decode it. */
  readonly compress: boolean;
  /** What a reader in process sees of a reset connection. */
  readonly resetError: Error | undefined;
}

/** Where the emulator runs: what only a real socket can do, and what only a caller in process can see. */
export type Transport = "in-process" | "http";

export interface EmulatorState {
  readonly options: ResolvedOptions;
  readonly idSource: string;
  readonly chats: ChatStore;
  readonly accounts: Accounts;
  readonly scripts: ScriptQueue<ScriptEntry>;
  readonly gates: Gates;
  readonly log: RequestLog;
  readonly files: FileStore;
  readonly tasks: Map<string, { polls: number }>;
}

export function createEmulatorState(options: EmulatorOptions, transport: Transport): EmulatorState {
  const resolved: ResolvedOptions = {
    seed: options.seed ?? 1,
    tokenDelayMs: options.tokenDelayMs ?? 20,
    clock: options.clock ?? Date.now,
    busyMs: options.busyMs ?? 0,
    tokens: options.tokens,
    accountIds: options.accountIds ?? {},
    accessTokenLifeMs: options.accessTokenLifeMs ?? 900_000,
    rotateRefreshTokens: options.rotateRefreshTokens ?? false,
    wafBodyChars: options.wafBodyChars ?? Number.POSITIVE_INFINITY,
    currentVersion: options.currentVersion,
    models: options.models ?? defaultModelIds,
    compress: transport === "http",
    resetError: transport === "http" ? undefined : connectionReset(),
  };
  const idSource = options.seed === undefined ? crypto.randomUUID() : `seed ${options.seed}`;
  return {
    options: resolved,
    idSource,
    chats: createChatStore(idSource),
    accounts: createAccounts(resolved),
    scripts: createScriptQueue(),
    gates: createGates(),
    log: createRequestLog(options.maxRecordedRequests ?? 1000),
    files: createFileStore(),
    tasks: new Map(),
  };
}
