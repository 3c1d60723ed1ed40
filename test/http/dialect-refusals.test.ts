// Every refusal that a server of each kind may write: its status, its kind, what to do, and when to ask again.

import { describe, expect, test } from "bun:test";
import {
  type CompatibleDialectName,
  compatibleDialects,
  type ScriptEntry,
} from "../../src/emulator/openai-compatible-emulator.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { readReply } from "../support/read-reply.ts";
import { user } from "./client.ts";

type RefusalOrder = NonNullable<ScriptEntry["refuse"]>;

interface Told {
  readonly status: number;
  readonly code: string;
  /** What the user is told to do. */
  readonly advice: RegExp;
  readonly retryAfter?: string;
  /** Repetitions are useless. */
  readonly isFinal?: boolean;
  /** How often the server was asked, where that is not once. */
  readonly asked?: number;
  /** @defaultValue all */
  readonly of?: readonly CompatibleDialectName[];
}

const hosted: readonly CompatibleDialectName[] = ["dashscope", "dashscope-plans", "modelscope"];
const local = compatibleDialects().filter((name) => !hosted.includes(name));
const invalid = { status: 400, code: "invalid_request" };
const limited = { status: 429, code: "upstream_quota" };
const quotaOver = { ...limited, isFinal: true };
const keyRefused = { status: 502, code: "upstream_auth", isFinal: true };
const failed = { status: 502, code: "upstream_failed" };
const busy = { status: 503, code: "overloaded", retryAfter: "2" };
const unpaid = { ...quotaOver, advice: /see its console, or use another key/ };

const rows: readonly (readonly [refuse: RefusalOrder, told: Told])[] = [
  ["invalid-parameter", { ...invalid, advice: /the gateway's log has its reason/ }],
  ["context-too-long", { status: 400, code: "context_length_exceeded", advice: /shorten the conversation/i }],
  ["in-debt", unpaid],
  ["not-purchased", { ...unpaid, of: hosted }],
  ["prepaid-overdue", { ...unpaid, of: hosted }],
  ["postpaid-overdue", { ...unpaid, of: hosted }],
  ["content-filter", { status: 400, code: "content_filter", advice: /safety check/ }],
  ["invalid-key", { ...keyRefused, advice: /check that it is right|sk-sp-/ }],
  ["wrong-plan", { ...keyRefused, advice: /same region and plan/, of: hosted }],
  ["access-denied", { ...keyRefused, advice: /choose another model/ }],
  ["free-tier-only", { ...quotaOver, advice: /switch to paid use/, of: hosted }],
  ["quota-exhausted", { ...quotaOver, advice: /another key/, of: hosted }],
  ["plan-exhausted", { ...quotaOver, advice: /wait for the next one/, of: hosted }],
  ["model-not-found", { status: 404, code: "model_not_found", advice: /GET \/v1\/models/ }],
  ["empty-404", { ...failed, advice: /check its base URL/ }],
  ["timeout", { status: 504, code: "upstream_timeout", advice: /try again/, asked: 2 }],
  ["gateway-504", { status: 504, code: "upstream_timeout", advice: /try again/, asked: 2 }],
  ["too-large", { status: 413, code: "too_large", advice: /too many bytes/ }],
  ["rate-limited", { ...limited, advice: /try again in a moment/, retryAfter: "2" }],
  [
    { name: "rate-limited", retryAfterSeconds: 30 },
    { ...limited, advice: /try again/, retryAfter: "30" },
  ],
  [
    { name: "rate-limited", retryAfterSeconds: 3600 },
    { ...limited, advice: /try again/, retryAfter: "60", isFinal: true },
  ],
  [
    { name: "rate-limited", spelling: "native" },
    { ...limited, advice: /try again/, retryAfter: "2", of: hosted },
  ],
  ["token-limited", { ...limited, advice: /try again in a moment/, retryAfter: "5" }],
  [
    { name: "token-limited", spelling: "native" },
    { ...limited, advice: /try again/, retryAfter: "5", of: hosted },
  ],
  ["burst-limited", { ...limited, advice: /begin more slowly/, retryAfter: "5", of: hosted }],
  ["concurrency-limited", { ...busy, advice: /try again in a moment/, of: hosted }],
  ["internal-error", { ...failed, advice: /try again/, asked: 2 }],
  [
    "unavailable",
    { ...busy, advice: /try again in a moment/, of: ["vllm", "sglang", "ollama", "llama-cpp", "generic"] },
  ],
  ["loading", { ...busy, advice: /try again|its own log/ }],
  ["parse-failed", { ...failed, advice: /try again/, asked: 2, of: local.filter((name) => name !== "llama-cpp") }],
  // Asked for a stream, then whole, and the second attempt asks for it whole at once.
  ["parse-failed", { ...failed, advice: /tool call/, asked: 3, of: ["llama-cpp"] }],
  ["no-tools", { ...invalid, advice: /tool parser/, of: ["vllm", "ollama"] }],
  ["no-thinking", { ...invalid, advice: /log/ }],
  ["html-page", { ...failed, advice: /any proxy in between/ }],
  [
    { name: "http-status", status: 418 },
    { ...failed, advice: /try again/, asked: 2 },
  ],
  [
    { name: "invalid-parameter", framed: true },
    { ...invalid, advice: /log/ },
  ],
];

const secret = "sk-sp-very-secret";
const prompt = "a secret prompt";

describe.each(compatibleDialects())("%s", (dialect) => {
  const its = rows.filter(([, { of }]) => of === undefined || of.includes(dialect));
  test.each([...its])("refuses as %p [R2-054]", async (refuse, told) => {
    await using stage = await startDialectStage({
      dialect,
      keys: [secret],
      environment: { RETRY_BUDGET_MS: "1500", RETRY_MAX_ATTEMPTS: "2" },
    });
    stage.emulator.script({ refuse, times: "always" });
    const reply = await readReply(await stage.chat({ stream: true, messages: [user(prompt)] }));

    expect(reply).toMatchObject({ status: told.status, error: { code: told.code } });
    expect(reply.error?.message).toMatch(told.advice);
    expect(reply.headers.get("retry-after")).toBe(told.retryAfter ?? null);
    expect(reply.headers.get("x-should-retry")).toBe(told.isFinal === true ? "false" : null);
    expect(reply.headers.get("content-type")).toStartWith("application/json");
    expect(stage.completions()).toHaveLength(told.asked ?? 1);
    const written = JSON.stringify(reply.error) + stage.harness.logLines.join("\n");
    expect([written.includes(secret), written.includes(prompt)]).toEqual([false, false]);
  });
});
