// A history on a file of its own, with a clock that the test moves, and exchanges to put in.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWordReader } from "../../src/documents/search-words.ts";
import { createHistory, type History } from "../../src/history/create-history.ts";
import type { EndedExchange, KeptParts } from "../../src/history/ended-exchange.ts";
import { searchTerms } from "../../src/history/search-words.ts";
import type { OpenedHistory } from "../../src/history/write-group.ts";
import { largestContentBytes } from "../../src/store/history-budget.ts";
import type { ExchangeFilter, KeptExchange } from "../../src/store/history-store.ts";
import { openSqliteHistory } from "../../src/store/sqlite/history.ts";
import { createLog } from "../../src/telemetry/create-log.ts";

export interface HistoryStage extends AsyncDisposable {
  readonly path: string;
  readonly history: History;
  readonly logLines: readonly string[];
  nowMs: number;
  /** What opens the file; a test may have it fail. */
  open: () => Promise<OpenedHistory>;
  opened(): OpenedHistory;
  /** On the disk, by the file system. */
  diskBytes(): number;
  find(filter?: ExchangeFilter & { readonly q?: string }, caller?: string): readonly KeptExchange[];
  add(exchange?: Partial<EndedExchange>): void;
  /** Closes the file and opens it again with another budget. */
  reopen(maxBytes: number): Promise<void>;
}

const whole = { order: "desc", limit: 100_000, rows: 1_000_000 } as const;

export const smallestBudget = 4 * 1024 * 1024;

export function createHistoryStage({ maxBytes = smallestBudget, keepMs = 3_600_000 } = {}): HistoryStage {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-history-"));
  const path = join(folder, "history.db");
  const logLines: string[] = [];
  const log = createLog({ level: "debug", format: "json", write: (line) => void logLines.push(line) });
  let budget = maxBytes;
  let known: OpenedHistory | undefined;
  const create = (): History =>
    createHistory({
      keptOf: (): KeptParts => "content",
      open: () => stage.open(),
      maxContentBytes: largestContentBytes(budget),
      keepMs,
      clock: () => stage.nowMs,
      log,
    });
  const stage: HistoryStage = {
    path,
    history: undefined as unknown as History,
    logLines,
    nowMs: 1_700_000_000_000,
    async open() {
      known ??= { store: openSqliteHistory(path, { maxBytes: budget }, log), reader: createWordReader() };
      return known;
    },
    opened() {
      if (known === undefined) throw new Error("nothing was written yet");
      return known;
    },
    diskBytes: () =>
      ["", "-wal", "-shm"].reduce((sum, end) => sum + (statSync(path + end, { throwIfNoEntry: false })?.size ?? 0), 0),
    find({ q, ...filter } = {}, caller = "me") {
      const terms = q === undefined ? {} : { terms: searchTerms(q, stage.opened().reader) };
      return stage.opened().store.scan(caller, { ...filter, ...terms }, whole).exchanges;
    },
    add: (exchange = {}) => stage.history.add({ ...sample, ...exchange }),
    async reopen(bytes) {
      await stage.history.close();
      known?.store.close();
      known = undefined;
      budget = bytes;
      Object.assign(stage, { history: create() });
    },
    async [Symbol.asyncDispose]() {
      await stage.history.close();
      known?.store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  Object.assign(stage, { history: create() });
  return stage;
}

export function contentOf(asked: string, said: string): { request: string; reply: string } {
  return {
    request: JSON.stringify({ messages: [{ role: "user", text: asked }] }),
    reply: JSON.stringify({ text: said }),
  };
}

const sample: EndedExchange = {
  caller: "me",
  requestId: "r1",
  surface: "openai-chat",
  model: "qwen3-max",
  upstream: "qwen-web",
  account: "a1",
  sessionId: "s1",
  status: 200,
  outcome: "complete",
  errorKind: null,
  stream: true,
  attempts: 1,
  firstTokenMs: 20,
  totalMs: 100,
  inputTokens: 3,
  outputTokens: 5,
  isEstimated: false,
  sentBytes: 400,
};
