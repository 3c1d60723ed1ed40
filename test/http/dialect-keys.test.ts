// Two keys of one upstream, and the only one: which is asked, which is set aside, and what a client notices of it.

import { describe, expect, test } from "bun:test";
import type { ScriptEntry } from "../../src/emulator/openai-compatible-emulator.ts";
import { type DialectStage, startDialectStage } from "../support/dialect-stage.ts";
import { readReply } from "../support/read-reply.ts";
import { user } from "./client.ts";

const go = { stream: true, stream_options: { include_usage: true }, messages: [user("Count from 1 to 9")] };
const counted = "1 2 3 4 5 6 7 8 9";
const used = (stage: DialectStage) => stage.completions().map(({ account }) => account);
const ask = async (stage: DialectStage) => readReply(await stage.chat(go));

describe("two keys", () => {
  const start = () => startDialectStage({ dialect: "dashscope", keys: ["sk-one", "sk-two"] });

  test("take turns, and the frames of each are whole [R1-016]", async () => {
    await using stage = await start();
    stage.emulator.script({ times: 4, reply: { text: counted, splitBytes: 3 } });
    const replies = [await ask(stage), await ask(stage), await ask(stage), await ask(stage)];

    expect(replies.map(({ text, finish }) => [text, finish])).toEqual(
      Array.from({ length: 4 }, () => [counted, "stop"]),
    );
    expect(used(stage)).toEqual(["sk-one", "sk-two", "sk-one", "sk-two"]);
  });

  const refusals: readonly NonNullable<ScriptEntry["refuse"]>[] = [
    "invalid-key",
    "access-denied",
    "in-debt",
    "free-tier-only",
    "rate-limited",
    "token-limited",
    "burst-limited",
    "plan-exhausted",
  ];
  test.each([...refusals])(
    "%s moves the request to the other one, and the next go there at once [R1-016]",
    async (refuse) => {
      await using stage = await start();
      stage.emulator.script({ account: "sk-one", times: "always", refuse });
      const replies = [await ask(stage), await ask(stage)];

      expect(replies.map(({ text }) => text)).toEqual([counted, counted]);
      expect(used(stage)).toEqual(["sk-one", "sk-two", "sk-two"]);
    },
  );

  test("an error within the stream before the first word moves it, too", async () => {
    await using stage = await start();
    const fault = { kind: "error", after: 0, refuse: "rate-limited" } as const;
    stage.emulator.script({ account: "sk-one", reply: { text: "never", faults: [fault] } });
    const reply = await ask(stage);

    expect([reply.text, reply.error]).toEqual([counted, undefined]);
    expect(used(stage)).toEqual(["sk-one", "sk-two"]);
  });

  test("both refused: the client hears why", async () => {
    await using stage = await start();
    stage.emulator.script({ times: "always", refuse: "in-debt" });
    const reply = await ask(stage);

    expect(reply).toMatchObject({ status: 429, error: { code: "upstream_quota" } });
    expect(new Set(used(stage))).toEqual(new Set(["sk-one", "sk-two"]));
  });
});

describe("the only key", () => {
  const start = (environment: Record<string, string> = {}) =>
    startDialectStage({ dialect: "dashscope", keys: ["sk-one"], environment });

  test.each(["invalid-key", "access-denied", "in-debt", "plan-exhausted", "content-filter", "internal-error"] as const)(
    "is asked again behind %s: it alone can tell that all is well",
    async (refuse) => {
      await using stage = await start({ RETRY_MAX_ATTEMPTS: "1" });
      stage.emulator.script({ refuse });
      expect((await ask(stage)).error).toBeDefined();

      expect((await ask(stage)).text).toBe(counted);
    },
  );

  test("at its limit is waited for as long as the time allows", async () => {
    await using stage = await start();
    const soon = { name: "rate-limited", headers: { "retry-after-ms": "60" } } as const;
    stage.emulator.script({ refuse: soon });
    const startedMs = performance.now();
    const replies = await Promise.all([ask(stage), ask(stage)]);

    expect(replies.map(({ text }) => text)).toEqual([counted, counted]);
    expect(performance.now() - startedMs).toBeGreaterThan(50);
  });

  test("at a long limit answers by 429 with the time that is left, and the server is left alone", async () => {
    await using stage = await start({ RETRY_BUDGET_MS: "500" });
    stage.emulator.script({ refuse: { name: "rate-limited", retryAfterSeconds: 20 } });
    await ask(stage);
    const reply = await ask(stage);

    expect(reply).toMatchObject({ status: 429, error: { code: "rate_limit_exceeded" } });
    expect(Number(reply.headers.get("retry-after"))).toBeWithin(15, 21);
    expect(used(stage)).toEqual(["sk-one"]);
  });

  test("is not set aside for words of the request that a refusal quotes", async () => {
    await using stage = await start({ RETRY_MAX_ATTEMPTS: "1" });
    const message = "1 validation error: {'msg': 'Field required', 'input': {'content': 'Why too many requests?'}}";
    stage.emulator.script({ refuse: { name: "invalid-parameter", message } });
    const replies = [await ask(stage), await ask(stage)];

    expect(replies).toMatchObject([{ status: 400, error: { code: "invalid_request" } }, { text: counted }]);
  });

  test("is set aside no longer than it may", async () => {
    await using stage = await start({ ACCOUNT_COOLDOWN_MAX_MS: "20", RETRY_MAX_ATTEMPTS: "1" });
    stage.emulator.script({ refuse: { name: "rate-limited", retryAfterSeconds: 20 } });
    await ask(stage);

    expect((await ask(stage)).text).toBe(counted);
  });
});

test("limits that the server keeps itself are lived with", async () => {
  await using stage = await startDialectStage({
    dialect: "modelscope",
    keys: ["sk-one", "sk-two"],
    emulator: { limits: { requestsPerMinute: 2 } },
    environment: { RETRY_BUDGET_MS: "500" },
  });
  const replies = [];
  for (let count = 0; count < 5; count++) replies.push(await ask(stage));

  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429]);
});
