// Refusals on command: every row of the error tables in each server's own form.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseScript, type RefusalName } from "../../../../src/emulator/openai-compatible/script.ts";
import type { CompatibleDialectName, ScriptEntry } from "../../../../src/emulator/openai-compatible-emulator.ts";
import { at } from "../emulator-client.ts";
import { chat, emulate, names } from "./client.ts";

const folder = join(import.meta.dir, "../../../fixtures/openai-compatible");

async function refusedWith(
  dialect: CompatibleDialectName,
  refuse: NonNullable<ScriptEntry["refuse"]>,
  body: object = {},
) {
  const emulator = emulate(dialect);
  emulator.script({ refuse });
  const response = await chat(emulator, body);
  const text = await response.text();
  return { status: response.status, text, headers: response.headers, emulator };
}

/** Ids of requests are new every time. */
function levelled(text: string): unknown {
  return JSON.parse(text.replace(/("(?:request_id|id)":)"[^"]*"/g, '$1"x"'));
}

describe("recorded refusals come as they were recorded", () => {
  const cases: readonly (readonly [string, CompatibleDialectName, number, NonNullable<ScriptEntry["refuse"]>])[] = [
    ["dashscope-err-400-arrearage.json", "dashscope", 400, "in-debt"],
    ["dashscope-err-400-data_inspection_failed.json", "dashscope", 400, "content-filter"],
    ["dashscope-err-401-invalid_api_key.json", "dashscope", 401, "invalid-key"],
    ["dashscope-err-429-rate-quota.json", "dashscope", 429, { name: "rate-limited", spelling: "native" }],
    ["dashscope-err-429-token-limit.json", "dashscope", 429, "token-limited"],
    ["llamacpp-err-500-parse.json", "llama-cpp", 500, "parse-failed"],
  ];

  test.each(cases)("%s", async (file, dialect, status, refuse) => {
    const refused = await refusedWith(dialect, refuse);

    expect(refused.status).toBe(status);
    expect(levelled(refused.text)).toEqual(levelled(readFileSync(join(folder, file), "utf8")));
  });

  test("ollama-err-404.json, for a model that is not there", async () => {
    const response = await chat(emulate("ollama"), { model: "qwen9" });

    expect(response.status).toBe(404);
    expect(await response.json()).toEqual(JSON.parse(readFileSync(join(folder, "ollama-err-404.json"), "utf8")));
  });

  test("vllm-err-400-context-length.json, for a prompt that is too long", async () => {
    const emulator = emulate("vllm", { contextTokens: 1024 });
    // 1015 tokens as the emulator counts them.
    const messages = [{ role: "user", content: "x".repeat((1015 - 4) * 4) }];

    const response = await chat(emulator, { messages, max_tokens: 10 });

    expect(response.status).toBe(400);
    expect(await response.json()).toEqual(
      JSON.parse(readFileSync(join(folder, "vllm-err-400-context-length.json"), "utf8")),
    );
  });

  test("dashscope-09: a refusal framed as an event", async () => {
    const message = "Input text data may contain inappropriate content.";
    const refused = await refusedWith("dashscope", { name: "content-filter", framed: true, message }, { stream: true });
    const recorded = readFileSync(join(folder, "dashscope-09-http400-body-with-data-prefix.txt"), "utf8");

    expect(refused.status).toBe(400);
    const { error } = levelled(refused.text.slice("data: ".length)) as { error: unknown };
    expect({ error }).toEqual(levelled(recorded.slice("data: ".length)) as { error: unknown });
  });
});

describe("DashScope's error table", () => {
  const rows: readonly (readonly [RefusalName, number, string, string | undefined])[] = [
    ["invalid-parameter", 400, "invalid_parameter_error", "InvalidParameter"],
    ["context-too-long", 400, "invalid_parameter_error", "InvalidParameter"],
    ["in-debt", 400, "Arrearage", undefined],
    ["content-filter", 400, "data_inspection_failed", "DataInspectionFailed"],
    ["invalid-key", 401, "invalid_api_key", "InvalidApiKey"],
    ["wrong-plan", 403, "invalid_api_key", undefined],
    ["access-denied", 403, "access_denied", "AccessDenied"],
    ["free-tier-only", 403, "AllocationQuota.FreeTierOnly", undefined],
    ["model-not-found", 404, "model_not_found", "ModelNotFound"],
    ["timeout", 408, "RequestTimeOut", undefined],
    ["rate-limited", 429, "limit_requests", "Throttling.RateQuota"],
    ["token-limited", 429, "insufficient_quota", "Throttling.AllocationQuota"],
    ["quota-exhausted", 429, "insufficient_quota", "Throttling.AllocationQuota"],
    ["burst-limited", 429, "limit_burst_rate", "Throttling.BurstRate"],
    ["concurrency-limited", 429, "Throttling.Concurrency", undefined],
    ["not-purchased", 429, "CommodityNotPurchased", undefined],
    ["prepaid-overdue", 429, "PrepaidBillOverdue", undefined],
    ["postpaid-overdue", 429, "PostpaidBillOverdue", undefined],
    ["internal-error", 500, "internal_error", "InternalError"],
    ["unavailable", 503, "service_unavailable", undefined],
  ];

  test.each(rows)("%s is %d %s", async (name, status, code, native) => {
    const compatible = await refusedWith("dashscope", name);
    expect([compatible.status, at(JSON.parse(compatible.text), "error", "code")]).toEqual([status, code]);
    expect(compatible.emulator.requests.at(-1)).toMatchObject({ refusal: name, status });

    if (native === undefined) return;
    const other = await refusedWith("dashscope", { name, spelling: "native" });
    expect([other.status, at(JSON.parse(other.text), "error", "code")]).toEqual([status, native]);
  });

  test("the transient quota and the hard end differ by their text alone", async () => {
    const transient = await refusedWith("dashscope", "token-limited");
    const hard = await refusedWith("dashscope", "quota-exhausted");

    expect(transient.text).toContain("check your plan and billing details");
    expect(hard.text).toContain("Free allocated quota exceeded");
  });

  test("a plan says that its quota of the hour is used up", async () => {
    expect((await refusedWith("dashscope-plans", "plan-exhausted")).text).toContain("hour allocated quota exceeded");
  });
});

describe("the other servers' forms", () => {
  test.each([
    ["vllm", "invalid-key", 401, { error: "Unauthorized" }],
    ["sglang", "invalid-key", 401, { error: "Unauthorized" }],
    ["sglang", "invalid-parameter", 400, { object: "error", type: "BadRequestError", code: 400 }],
    ["vllm", "internal-error", 500, { error: { type: "InternalServerError", param: null, code: 500 } }],
    ["ollama", "internal-error", 500, { error: { type: "api_error", param: null, code: null } }],
    [
      "llama-cpp",
      "invalid-key",
      401,
      { error: { code: 401, message: "Invalid API Key", type: "authentication_error" } },
    ],
    ["llama-cpp", "loading", 503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } }],
    ["lm-studio", "invalid-parameter", 400, { error: "Bad request" }],
    ["lm-studio", "model-not-found", 404, { error: { code: "model_not_found", param: "model" } }],
    ["generic", "rate-limited", 429, { error: { type: "requests", code: "rate_limit_exceeded" } }],
  ] as const)("%s: %s is %d", async (dialect, name, status, body) => {
    const refused = await refusedWith(dialect, name);

    expect(refused.status).toBe(status);
    expect(JSON.parse(refused.text)).toMatchObject(body);
  });

  test("older vLLM has no envelope", async () => {
    const emulator = emulate("vllm", { variant: "0.11" });
    emulator.script({ refuse: "invalid-parameter" });

    expect(await (await chat(emulator, {})).json()).toMatchObject({ object: "error", code: 400 });
  });

  const all: readonly RefusalName[] = [
    "invalid-parameter",
    "context-too-long",
    "model-not-found",
    "rate-limited",
    "token-limited",
    "unavailable",
    "internal-error",
    "no-tools",
    "no-thinking",
    "too-large",
  ];
  test.each(names)("%s answers every refusal in JSON with its status", async (dialect) => {
    for (const name of all) {
      const { status, text } = await refusedWith(dialect, name);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify(JSON.parse(text))).not.toContain("undefined");
    }
  });
});

describe("answers that are no refusal of an API", () => {
  test("a page with HTTP 200, a gateway's 504, a 404 without a body", async () => {
    const page = await refusedWith("dashscope", "html-page", { stream: true });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const gateway = await refusedWith("vllm", "gateway-504");
    expect([gateway.status, gateway.text.includes("504 Gateway Time-out")]).toEqual([504, true]);
    const empty = await refusedWith("dashscope-plans", "empty-404");
    expect([empty.status, empty.text]).toEqual([404, ""]);
  });

  test("a status and words of the test's own, with Retry-After and headers", async () => {
    const { status, text, headers } = await refusedWith("generic", {
      name: "http-status",
      status: 418,
      message: "no tea",
      retryAfterSeconds: 7,
      headers: { "x-ratelimit-remaining-requests": "0" },
    });

    expect([status, headers.get("retry-after"), headers.get("x-ratelimit-remaining-requests")]).toEqual([
      418,
      "7",
      "0",
    ]);
    expect(at(JSON.parse(text), "error", "message")).toBe("no tea");
  });

  test("a connection that is reset, and silence until the client leaves", async () => {
    const emulator = emulate("vllm");
    emulator.script({ refuse: "reset" }, { refuse: "silence" });
    await expect(chat(emulator, {})).rejects.toMatchObject({ code: "ECONNRESET" });

    const leaving = new AbortController();
    const silent = chat(emulator, {}, { signal: leaving.signal });
    await emulator.until((requests) => requests.at(-1)?.refusal === "silence");
    leaving.abort();

    await expect(silent).rejects.toMatchObject({ name: "AbortError" });
    expect(emulator.requests.at(-1)?.aborted).toBe(true);
  });

  test("silence ends when the emulator is reset", async () => {
    const emulator = emulate("vllm");
    emulator.script({ refuse: "silence" });
    const silent = chat(emulator, {});
    await emulator.until((requests) => requests.at(-1)?.refusal === "silence");

    emulator.reset();

    await expect(silent).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

describe("orders", () => {
  test("fit by key and by words, and are used as often as they say", async () => {
    const emulator = emulate("dashscope");
    emulator.script({ account: "sk-b", refuse: "rate-limited", times: "always" }, { match: "Bye", refuse: "timeout" });
    const statusOf = async (key: string, content: string) =>
      (await chat(emulator, { messages: [{ role: "user", content }] }, { key })).status;

    expect(await statusOf("sk-a", "Hello")).toBe(200);
    expect([await statusOf("sk-b", "Hello"), await statusOf("sk-b", "Hello")]).toEqual([429, 429]);
    expect([await statusOf("sk-a", "Bye"), await statusOf("sk-a", "Bye")]).toEqual([408, 200]);
    expect(emulator.pendingScripts).toBe(1);
  });

  test("that nobody understands are named", () => {
    expect(parseScript({ reply: { quirks: ["no-such-quirk"] } })).toHaveProperty("problem");
    expect(parseScript({ refuse: "no-such-name" })).toHaveProperty("problem");
    expect(parseScript([{ refuse: "timeout" }, { reply: { text: "x" } }])).toHaveProperty("entries.length", 2);
  });
});
