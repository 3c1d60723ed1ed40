// The official client against the compiled executable: every call that it offers for the routes that exist.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    environment: {
      RETRY_BASE_DELAY_MS: "5",
      RETRY_MAX_DELAY_MS: "20",
      // Each case has its own refusal: none may answer the next one's request from memory.
      ACCOUNT_COOLDOWN_MAX_MS: "1",
    },
  });
});
afterAll(() => stage[Symbol.asyncDispose]());

const countToFive = [{ role: "user" as const, content: "Count from 1 to 5" }];

async function errorOf(work: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error: unknown = await Promise.resolve(work).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof OpenAI.APIError) return error;
  throw new Error(`Expected an error of the API, got ${String(error)}`);
}

describe("chat.completions.create", () => {
  test("create answers whole [R0-041] [R2-001] [R2-007] [R2-008]", async () => {
    const completion = await stage.client.chat.completions.create({ model: "qwen3-max", messages: countToFive });

    expect(completion).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      model: "qwen3-max",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "1 2 3 4 5" } }],
    });
    expect(Math.abs(completion.created - Date.now() / 1000)).toBeLessThan(60);
    const { prompt_tokens, completion_tokens, total_tokens } = completion.usage!;
    expect(completion_tokens).toBeGreaterThan(0);
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
    expect(completion._request_id).toMatch(/^req_/);
  });

  test("create with stream: role first, text, one finish, no usage that nobody asked for [R0-013] [R0-018] [R0-020]", async () => {
    const stream = await stage.client.chat.completions.create({
      model: "qwen3-coder-plus",
      messages: countToFive,
      stream: true,
    });
    const chunks = await Array.fromAsync(stream);

    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("1 2 3 4 5");
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    expect(new Set(chunks.map((chunk) => chunk.model))).toEqual(new Set(["qwen3-coder-plus"]));
    const finishes = chunks.map((chunk) => chunk.choices[0]?.finish_reason ?? null);
    expect(finishes.filter((reason) => reason !== null)).toEqual(["stop"]);
    expect(finishes.at(-1)).toBe("stop");
    expect(chunks.every((chunk) => chunk.usage === undefined)).toBe(true);
  });

  test("create with include_usage ends with exactly one usage chunk without choices [R0-021] [R0-023]", async () => {
    const stream = await stage.client.chat.completions.create({
      model: "qwen3-max",
      messages: countToFive,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);

    const last = chunks.at(-1)!;
    expect(chunks.filter((chunk) => chunk.usage)).toEqual([last]);
    expect(last.choices).toEqual([]);
    expect(last.usage!.total_tokens).toBe(last.usage!.prompt_tokens + last.usage!.completion_tokens);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
  });

  test("create with a thinking model keeps the thoughts out of the text", async () => {
    const messages = [{ role: "user" as const, content: "Count from 6 to 9" }];
    const stream = await stage.client.chat.completions.create({ model: "qwen3-max-thinking", messages, stream: true });
    const deltas = (await Array.fromAsync(stream)).map((chunk) => chunk.choices[0]?.delta ?? {});

    const thoughts = deltas.map((delta) => ("reasoning_content" in delta ? String(delta.reasoning_content) : ""));
    expect(deltas.map((delta) => delta.content ?? "").join("")).toBe("6 7 8 9");
    expect(thoughts.join("")).toContain("emulator");
  });

  test("create carries text byte for byte, whatever it holds [R0-018]", async () => {
    const text = 'tab\t"quotes" \\ backslash\n\nzwei Zeilen, 你好, 👩‍👩‍👧 \u2028 end';
    await stage.emulator.script({ match: "strange characters", reply: { text, splitBytes: 7 } });
    const stream = await stage.client.chat.completions.create({
      model: "qwen3-max",
      messages: [{ role: "user", content: "strange characters" }],
      stream: true,
    });
    const chunks = await Array.fromAsync(stream);

    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(text);
  });
});

describe("chat.completions.stream", () => {
  test("create and stream call a custom tool with free text, and go on behind its result", async () => {
    const tools = [{ type: "custom" as const, custom: { name: "patch" } }];
    for (const ask of ["create", "stream"] as const) {
      const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: `Call patch with input=${ask}` }];
      const body = { model: "qwen3-max", messages, tools };
      const { chat } = stage.client;
      const completion = await (ask === "create"
        ? chat.completions.create(body)
        : chat.completions.stream(body).finalChatCompletion());
      const message = completion.choices[0]!.message;
      const [call] = message.tool_calls ?? [];
      messages.push(message, { role: "tool", tool_call_id: call?.id ?? "", content: "It fits" });
      const next = await chat.completions.create(body);

      expect(call).toMatchObject({ type: "custom", custom: { name: "patch", input: ask } });
      expect(next.choices[0]?.message.content).toContain("It fits");
    }
  });

  test("stream gives content events, the final message and its usage", async () => {
    const pieces: string[] = [];
    const runner = stage.client.chat.completions.stream({
      model: "qwen3-max",
      messages: countToFive,
      stream_options: { include_usage: true },
    });
    runner.on("content", (piece) => pieces.push(piece));
    const final = await runner.finalChatCompletion();

    expect(pieces.join("")).toBe("1 2 3 4 5");
    expect(pieces.length).toBeGreaterThan(1);
    expect(final.choices[0]?.message).toMatchObject({ role: "assistant", content: "1 2 3 4 5" });
    expect(final.choices[0]?.finish_reason).toBe("stop");
    expect((await runner.totalUsage()).total_tokens).toBeGreaterThan(0);
  });
});

describe("completions.create", () => {
  test("create answers a prompt whole", async () => {
    const completion = await stage.client.completions.create({ model: "qwen3-max", prompt: "Count from 1 to 3" });

    expect(completion.object).toBe("text_completion");
    expect(completion.choices[0]).toMatchObject({ text: "1 2 3", finish_reason: "stop", index: 0 });
    expect(completion.usage?.total_tokens).toBeGreaterThan(0);
  });

  test("create with stream gives the text in pieces and one finish", async () => {
    const stream = await stage.client.completions.create({
      model: "qwen3-max",
      prompt: "Count from 1 to 9",
      stream: true,
    });
    const chunks = await Array.fromAsync(stream);

    expect(chunks.map((chunk) => chunk.choices[0]?.text ?? "").join("")).toBe("1 2 3 4 5 6 7 8 9");
    const reasons: unknown[] = chunks.map((chunk) => chunk.choices[0]?.finish_reason);
    expect(reasons.filter((reason) => reason === "stop")).toHaveLength(1);
    expect(chunks.length).toBeGreaterThan(2);
  });
});

describe("models", () => {
  test("models.list names what Qwen offers, models.retrieve one of them", async () => {
    const ids = (await Array.fromAsync(stage.client.models.list())).map((model) => model.id);
    const model = await stage.client.models.retrieve("qwen3-coder-plus");

    expect(ids).toContain("qwen3-max");
    expect(model).toMatchObject({ id: "qwen3-coder-plus", object: "model" });
  });

  test("models.retrieve of an unknown model is a NotFoundError", async () => {
    const error = await errorOf(stage.client.models.retrieve("no-such-model"));

    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("errors of the official client", () => {
  test("a wrong field is a BadRequestError that names it, and costs Qwen nothing [R2-003] [R2-017] [R2-056]", async () => {
    const before = (await stage.emulator.requests()).length;
    const error = await errorOf(stage.client.chat.completions.create({ model: "qwen3-max", messages: [] }));

    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, param: "messages", type: "invalid_request_error" });
    expect(error.requestID).toMatch(/^req_/);
    expect(await stage.emulator.requests()).toHaveLength(before);
  });

  test("an unknown model is a NotFoundError, streamed or not", async () => {
    const body = { model: "gpt-unheard-of", messages: countToFive };
    const whole = await errorOf(stage.client.chat.completions.create(body));
    const streamed = await errorOf(stage.client.chat.completions.create({ ...body, stream: true }));

    for (const error of [whole, streamed]) {
      expect(error).toBeInstanceOf(OpenAI.NotFoundError);
      expect(error.code).toBe("model_not_found");
    }
  });

  test("a used-up account is a RateLimitError that the client does not repeat [R0-031]", async () => {
    await stage.emulator.script({
      match: "limit please",
      times: "always",
      refuse: { name: "rate-limited", hours: 10 },
    });
    const client = stage.client.withOptions({ maxRetries: 2 });
    const messages = [{ role: "user" as const, content: "limit please" }];
    const error = await errorOf(client.chat.completions.create({ model: "qwen3-max", messages, stream: true }));

    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "upstream_quota" });
    expect((await stage.emulator.turns()).filter((turn) => turn.content === "limit please")).toHaveLength(1);
  });

  test("a refused account is never the client's AuthenticationError [R0-031]", async () => {
    await stage.emulator.script({ match: "who am I to you", refuse: "token-expired" });
    const messages = [{ role: "user" as const, content: "who am I to you" }];
    const error = await errorOf(stage.client.chat.completions.create({ model: "qwen3-max", messages }));

    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 502, code: "upstream_auth" });
  });

  test("a firewall page is a 503 that says what to do, without the page itself", async () => {
    await stage.emulator.script({ match: "meet the firewall", refuse: "waf-html" });
    const messages = [{ role: "user" as const, content: "meet the firewall" }];
    const error = await errorOf(stage.client.chat.completions.create({ model: "qwen3-max", messages, stream: true }));

    expect(error).toMatchObject({ status: 503, code: "upstream_challenge" });
    expect(error.headers?.get("x-should-retry")).toBe("false");
    expect(error.message).not.toContain("<");
  });

  test("a stream that breaks off throws where it broke, after the words that came [R0-026] [R0-030]", async () => {
    await stage.emulator.script({
      match: "break off",
      reply: { text: "half an answer", faults: [{ kind: "end", after: 3 }] },
    });
    const messages = [{ role: "user" as const, content: "break off" }];
    const stream = await stage.client.chat.completions.create({ model: "qwen3-max", messages, stream: true });
    let text = "";
    const finishes: string[] = [];
    const error = await errorOf(
      (async () => {
        for await (const chunk of stream) {
          text += chunk.choices[0]?.delta.content ?? "";
          if (chunk.choices[0]?.finish_reason) finishes.push(chunk.choices[0].finish_reason);
        }
      })(),
    );

    expect(text).toStartWith("half");
    expect(finishes).toEqual([]);
    expect(error).toMatchObject({ code: "upstream_failed", type: "upstream_error" });
  });

  test("failures that pass are not noticed by the client [R2-047] [R2-048]", async () => {
    await using fresh = await startStage({
      environment: {
        RETRY_BASE_DELAY_MS: "5",
        RETRY_MAX_DELAY_MS: "20",
        // Each case has its own refusal: none may answer the next one's request from memory.
        ACCOUNT_COOLDOWN_MAX_MS: "1",
      },
    });
    const outage = { times: 2, refuse: { name: "http-status", status: 503 } } as const;
    await fresh.emulator.script({ on: "chats/new", ...outage }, { on: "completions", ...outage });
    const messages = [{ role: "user" as const, content: 'Say "third time lucky"' }];
    const completion = await fresh.client.chat.completions.create({ model: "qwen3-max", messages });

    expect(completion.choices[0]?.message.content).toBe("third time lucky");
    expect(await fresh.emulator.requests("chats/new")).toHaveLength(3);
    expect(await fresh.emulator.turns()).toHaveLength(3);
  });
});

describe("API_KEY and the official client", () => {
  test("a wrong key is an AuthenticationError, the right one opens, and neither is ever logged", async () => {
    const environment = { API_KEY: "right-key-of-the-gateway", LOG_LEVEL: "debug" };
    await using guarded = await startStage({ environment, apiKey: "right-key-of-the-gateway" });
    const body = { model: "qwen3-max", messages: countToFive };
    const wrong = guarded.client.withOptions({ apiKey: "wrong-key-of-somebody" });
    const error = await errorOf(wrong.chat.completions.create({ ...body, stream: true }));
    const completion = await guarded.client.chat.completions.create(body);

    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    expect(completion.choices[0]?.message.content).toBe("1 2 3 4 5");
    await guarded.gateway.line((line) => line.includes('"exchange"'));
    const log = [...guarded.gateway.output, ...guarded.gateway.errors].join("\n");
    expect(log).not.toMatch(/right-key-of-the-gateway|wrong-key-of-somebody|test-token/);
  });
});
