// What goes wrong within a stream of each kind of server, over both ways out: before the first word it is asked again,
// behind it the client is told once; and a client that leaves takes the upstream's request with it.

import { describe, expect, test } from "bun:test";
import {
  type CompatibleDialectName,
  compatibleDialects,
  type StreamFault,
} from "../../src/emulator/openai-compatible-emulator.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { readLive } from "../support/live-stream.ts";
import { readReply } from "../support/read-reply.ts";
import { readError, user } from "./client.ts";

const transports = ["socket", "fetch"] as const;
const played = compatibleDialects().flatMap((dialect) => transports.map((transport) => ({ dialect, transport })));
/** Its first chunk brings words. */
const speaksAtOnce: readonly CompatibleDialectName[] = ["dashscope", "dashscope-plans", "ollama", "lm-studio"];

const text = "one two three four five six";
const go = { stream: true, messages: [user("Go")] };

describe.each(played)("$dialect over $transport", ({ dialect, transport }) => {
  const start = (environment: Record<string, string> = {}) =>
    startDialectStage({
      dialect,
      environment: { TRANSPORT: transport, FIRST_BYTE_TIMEOUT_MS: "2000", STALL_TIMEOUT_MS: "100", ...environment },
    });
  const beforeWords = speaksAtOnce.includes(dialect) ? 0 : 1;

  test("a fault before the first word is not noticed, and no key is set aside for it [R0-059] [R2-055]", async () => {
    await using stage = await start({ STALL_TIMEOUT_MS: "10000" });
    const faults: StreamFault[] = [
      { kind: "error", after: beforeWords },
      { kind: "drop", after: 0 },
      { kind: "drop", after: beforeWords },
      { kind: "end", after: beforeWords },
    ];
    for (const fault of faults) {
      stage.emulator.script({ reply: { text, faults: [fault] } }, { reply: { text: "second try" } });
      const asked = stage.completions().length;
      const reply = await readReply(await stage.chat(go));

      expect([fault, reply.text, reply.finish, reply.error]).toEqual([fault, "second try", "stop", undefined]);
      expect(stage.completions()).toHaveLength(asked + 2);
    }
  });

  test.each([
    [{ kind: "error", after: 2 }, "upstream_failed"],
    [{ kind: "error", after: 2, refuse: "rate-limited" }, "upstream_quota"],
    [{ kind: "error-finish", after: 2, text: "Throttling: TPM(10680324/10000000)" }, "upstream_quota"],
    [{ kind: "drop", after: 2 }, "upstream_failed"],
    [{ kind: "end", after: 2 }, "upstream_failed"],
    [{ kind: "stall", after: 2 }, "upstream_timeout"],
  ] as readonly (readonly [StreamFault, string])[])(
    "%j behind the first word is told once [R0-059]",
    async (fault, code) => {
      // Only what falls silent is to be given up soon: a busy machine may take its time.
      await using stage = await start(fault.kind === "stall" ? {} : { STALL_TIMEOUT_MS: "10000" });
      stage.emulator.script({ reply: { text, faults: [fault] } }, { reply: { text: "second try" } });
      const reply = await readReply(await stage.chat(go));

      expect(reply.text).toStartWith("one");
      expect(text).toStartWith(reply.text);
      expect([reply.finish, reply.error?.code]).toEqual([undefined, code]);
      expect(reply.error?.message).not.toContain("TPM");
      expect(stage.completions()).toHaveLength(1);
    },
  );

  test("whole answers are asked for again wherever they broke", async () => {
    await using stage = await start();
    stage.emulator.script({ reply: { text, faults: [{ kind: "drop", after: 3 }] } }, { reply: { text: "second try" } });
    const reply = await readReply(await stage.chat({ messages: [user("Go")] }));

    expect(reply).toMatchObject({ status: 200, text: "second try", finish: "stop" });
  });

  test("keep-alives and nonsense between events change nothing [R1-001]", async () => {
    await using stage = await start();
    const faults: StreamFault[] = [
      { kind: "keep-alive", after: 0, times: 3 },
      { kind: "malformed", after: 1 },
      { kind: "malformed", after: 2, line: "nonsense\n\n" },
      { kind: "stay-open" },
    ];
    stage.emulator.script({ reply: { text, faults, splitBytes: 5 } });
    const reply = await readReply(await stage.chat(go));

    expect([reply.text, reply.finish, reply.error]).toEqual([text, "stop", undefined]);
  });

  test("a server that never stops failing is a 502, one that falls silent a 504", async () => {
    await using stage = await start({ RETRY_MAX_ATTEMPTS: "2", FIRST_BYTE_TIMEOUT_MS: "100" });
    stage.emulator.script({ times: "always", refuse: "reset" });
    expect(await readError(await stage.chat(go))).toMatchObject({ status: 502, error: { code: "upstream_failed" } });
    stage.emulator.reset();
    stage.emulator.script({ times: "always", refuse: "silence" });
    expect(await readError(await stage.chat(go))).toMatchObject({ status: 504, error: { code: "upstream_timeout" } });
  });

  test("words come as they are told, and a client that leaves ends the request behind it [R1-021]", async () => {
    await using stage = await start({ STALL_TIMEOUT_MS: "10000" });
    stage.emulator.script({ gate: "held", reply: { chunks: ["one ", "two ", "three"] } });
    stage.emulator.release("held", beforeWords + 1);
    const controller = new AbortController();
    const live = readLive(await stage.chat(go, { signal: controller.signal }));
    expect(await live.nextText()).toBe("one ");
    stage.emulator.release("held");
    expect(await live.nextText()).toBe("two ");
    controller.abort();
    await stage.emulator.until((requests) => requests.some(({ aborted }) => aborted));

    expect(stage.completions().map(({ finished }) => finished)).toEqual([false]);
  });
});

test.each([...transports])("a line without an end is an error, over %s [R1-035]", async (transport) => {
  await using stage = await startDialectStage({
    dialect: "vllm",
    environment: { TRANSPORT: transport, MAX_LINE_BYTES: "20000", RETRY_MAX_ATTEMPTS: "1" },
  });
  stage.emulator.script({ reply: { raw: `data: ${"x".repeat(1_000_000)}` } });

  expect((await readError(await stage.chat(go))).error.code).toBe("upstream_failed");
});

const lanes = [
  ["passed on", {}],
  ["translated", { tools: [{ type: "function", function: { name: "read" } }] }],
] as const;
const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_790_000_000, model: "m" };
const openStream = (words: string): string =>
  `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta: { role: "assistant", content: words }, finish_reason: null }] })}\n\n`;

describe.each([...lanes])("a stream that is %s", (_, fields) => {
  test("is told of a line without an end behind its words, closed, logged, and not asked for again [R1-017] [R1-018] [R1-020] [R1-034] [R1-035]", async () => {
    await using stage = await startDialectStage({ dialect: "vllm", environment: { MAX_LINE_BYTES: "20000" } });
    stage.emulator.script({
      times: "always",
      reply: { raw: `${openStream("one")}data: ${"x".repeat(1_000_000)}`, faults: [{ kind: "stay-open" }] },
    });
    const reply = await readReply(await stage.chat({ ...go, ...fields }));

    expect([reply.text, reply.finish, reply.error?.code]).toEqual(["one", undefined, "upstream_failed"]);
    expect(stage.completions()).toHaveLength(1);
    const line = stage.harness.logLines.find((text) => text.includes('"message":"exchange failed'));
    expect(JSON.parse(line ?? "{}")).toMatchObject({ level: "error", upstream: "upstream", kind: "upstream-failed" });
  });
});

describe.each([...lanes])("a server that neither ends a stream that is %s nor says [DONE]", (_, fields) => {
  const finish = `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`;

  test.each([
    ["behind a finish ends well", `${openStream("one")}${finish}`, ["one", "stop", undefined]],
    ["behind words is told as silence", openStream("one"), ["one", undefined, "upstream_timeout"]],
  ])("%s", async (_name, raw, expected) => {
    await using stage = await startDialectStage({ dialect: "vllm", environment: { STALL_TIMEOUT_MS: "100" } });
    stage.emulator.script({ times: "always", reply: { raw, faults: [{ kind: "stay-open" }] } });
    const reply = await readReply(await stage.chat({ ...go, ...fields }));

    expect([reply.text, reply.finish, reply.error?.code] as const).toEqual(expected as never);
    expect(stage.completions()).toHaveLength(1);
    await stage.emulator.until((requests) => requests.some(({ aborted }) => aborted));
  });
});

test.each([...transports])("compressed streams are read, over %s", async (transport) => {
  await using stage = await startDialectStage({ dialect: "sglang", environment: { TRANSPORT: transport } });
  for (const encoding of ["gzip", "br"] as const) {
    stage.emulator.script({ reply: { text, encoding } });
    expect((await readReply(await stage.chat(go))).text).toBe(text);
  }
});
