// The pass-through lane, over both transports: bytes are the upstream's, and all else is as on the translated lane.

import { describe, expect, test } from "bun:test";
import { type FakeServer, type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { bodyOf, readError, readStream, untilIdle, user } from "./client.ts";

const head = { id: "c", object: "chat.completion.chunk", created: 1, model: "local", x_new: { y: [1.0, null] } };
const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;
const chunk = (delta: object, finish: string | null = null): string =>
  frame({ ...head, choices: [{ index: 0, delta, finish_reason: finish, odd: true }] });
const role = chunk({ role: "assistant", content: "" });
const usage = frame({ ...head, choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } });
const done = "data: [DONE]\n\n";
const words = role + chunk({ content: "one " }) + chunk({ content: "two" });
const answer = words + chunk({}, "stop") + usage + done;
const models = {
  "/v1/models": {
    body: JSON.stringify({ object: "list", data: [{ id: "local", object: "model", owned_by: "vllm" }] }),
  },
};
const hello = { model: "local", stream: true, stream_options: { include_usage: true }, messages: [user("Hello")] };

interface Lane extends AsyncDisposable {
  readonly harness: Harness;
  readonly server: FakeServer;
}

describe.each(["socket", "fetch"])("TRANSPORT=%s", (transport) => {
  async function start(plays: readonly Play[], environment: Record<string, string> = {}): Promise<Lane> {
    const server = serveCompatible(plays, models);
    const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: server.url }]);
    const harness = await startHarness({ environment: { TRANSPORT: transport, UPSTREAMS: upstreams, ...environment } });
    return {
      harness,
      server,
      async [Symbol.asyncDispose]() {
        await harness[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test("a stream reaches the client byte by byte as it was sent, unknown fields in it [R1-021]", async () => {
    await using lane = await start([{ body: answer }]);
    const response = await lane.harness.chat(hello);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("x-upstream")).toBe("one");
    expect(await bodyOf(response)).toBe(answer);
  });

  describe.each([
    ["tools", { tools: [{ type: "function", function: { name: "add", parameters: { type: "object" } } }] }],
    ["a form", { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } }],
  ])("probabilities of tokens beside %s", (_beside, fields) => {
    const asked = { ...hello, ...fields, logprobs: true, top_logprobs: 1 };
    const logprobs = { content: [{ token: "{}", logprob: -0.25, bytes: [123, 125], top_logprobs: [] }] };

    test("pass in a stream", async () => {
      const said = ["{", "\n", " ", "}"].map((content) =>
        frame({ ...head, choices: [{ index: 0, delta: { content }, logprobs, finish_reason: null }] }),
      );
      await using lane = await start([{ body: role + said.join("") + chunk({}, "stop") + usage + done }]);

      expect(await bodyOf(await lane.harness.chat(asked))).toContain(said.join(""));
    });

    test("pass in a whole answer", async () => {
      const message = { role: "assistant", content: "{}" };
      const whole = JSON.stringify({
        ...head,
        object: "chat.completion",
        choices: [{ index: 0, message, logprobs, finish_reason: "stop" }],
        usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      });
      await using lane = await start([{ body: whole }]);
      const response = await lane.harness.chat({ ...asked, stream: false, stream_options: undefined });

      expect(await bodyOf(response)).toBe(whole);
    });
  });

  test("a long history goes out as it was written, wherever its texts stand", async () => {
    await using lane = await start([{ body: answer }]);
    const said = `${"Code that ends in braces. ".repeat(30)}${"}".repeat(40)}`;
    // The first text is as far from a string in front of it as the list is from the beginning of the body.
    const message = `{"role":"user",    "content":"${said}"}`;
    const written = `{"model":"local","messages":[${Array(9).fill(message).join(",")}],"stream":true}`;
    await bodyOf(await lane.harness.post("/v1/chat/completions", written));
    expect(new TextDecoder().decode(lane.server.completions[0]?.bytes)).toBe(
      written.replace("{", '{"stream_options":{"include_usage":true},'),
    );
  });

  test("a request goes out as it was written but for single fields, unknown ones in it", async () => {
    await using lane = await start([{ body: answer }]);
    const written = `{ "model":"local", "temperature":1.0, "x_new":{"y":[1.50]}, "n":1, "stream":true,
      "messages":[{"role":"user","content":"\\u0048i","x_of_mine":[1]}] }`;
    const body = await bodyOf(await lane.harness.post("/v1/chat/completions", written));
    expect(body).toBe(answer.replace(usage, ""));
    expect(new TextDecoder().decode(lane.server.completions[0]?.bytes)).toBe(
      `{"stream_options":{"include_usage":true}, "model":"local", "temperature":1.0, "x_new":{"y":[1.50]},"stream":true,
      "messages":[{"role":"user","content":"\\u0048i","x_of_mine":[1]}]}`,
    );
  });

  test("no limit, written as -1, goes out as no limit at all, since some servers refuse it", async () => {
    await using lane = await start([{ body: answer }]);
    await readStream(await lane.harness.chat({ ...hello, max_tokens: -1 }));
    expect(lane.server.completions[0]?.body).not.toHaveProperty("max_tokens");
  });

  test("a list of calls without any is not sent, since some servers refuse it", async () => {
    await using lane = await start([{ body: answer }]);
    const messages = [user("Hi"), { role: "assistant", content: "Hello", tool_calls: [] }, user("And?")];
    await bodyOf(await lane.harness.chat({ ...hello, messages }));
    expect(lane.server.completions[0]?.body?.["messages"]).toEqual([
      user("Hi"),
      { role: "assistant", content: "Hello" },
      user("And?"),
    ]);
  });

  test("calls of the history whose arguments are no JSON go out as an object: templates parse them", async () => {
    await using lane = await start([{ body: answer }]);
    const call = (text: string) => ({ id: "c", type: "function", function: { name: "read", arguments: text } });
    const messages = (text: string) => [
      user("Hi"),
      { role: "assistant", content: null, tool_calls: [call(text)] },
      { role: "tool", tool_call_id: "c", content: "The arguments could not be read" },
    ];
    await bodyOf(await lane.harness.chat({ ...hello, messages: messages('{"path": "/tm') }));
    await bodyOf(await lane.harness.chat({ ...hello, messages: messages('{"path": "/tmp"}\n') }));
    const [broken, sound] = lane.server.completions.map(({ body }) => body?.["messages"] as object[]);
    expect(broken?.[1]).toEqual({
      role: "assistant",
      content: "",
      tool_calls: [call('{"unreadable_arguments":"{\\"path\\": \\"/tm"}')],
    });
    expect(sound).toEqual(messages('{"path": "/tmp"}\n'));
  });

  test("an alias is what the client reads in every chunk, and the server is asked for its own name [R0-013]", async () => {
    await using lane = await start([{ body: answer }], { MODEL_ROUTES: JSON.stringify({ "my-model": "one/local" }) });
    const body = await bodyOf(await lane.harness.chat({ ...hello, model: "my-model" }));
    expect(body).toBe(answer.replaceAll('"model":"local"', '"model":"my-model"'));
    expect(lane.server.completions[0]?.body).toMatchObject({ model: "local" });
  });

  test("usage is counted whether the client asked for it or not, and told only then", async () => {
    await using lane = await start([{ body: answer }]);
    expect(await bodyOf(await lane.harness.chat({ ...hello, stream_options: undefined }))).not.toContain(
      "prompt_tokens",
    );
    await untilIdle(lane.harness);
    const samples = parseMetrics(await bodyOf(await lane.harness.get("/metrics")));
    const labels = { surface: "openai-chat", upstream: "one" };
    expect(sumOf(samples, "qwen_gateway_tokens_total", { ...labels, direction: "input" })).toBe(5);
    expect(sumOf(samples, "qwen_gateway_tokens_total", { ...labels, direction: "output" })).toBe(2);
    expect(sumOf(samples, "qwen_gateway_first_token_seconds_count", labels)).toBe(1);
    const line = lane.harness.logLines.find((text) => text.includes('"message":"exchange"'));
    expect(JSON.parse(line ?? "{}")).toMatchObject({ upstream: "one", outcome: "complete", outputTokens: 2 });
  });

  test("a body that breaks off ends with an error frame, never quietly", async () => {
    await using lane = await start([{ body: words }]);
    const told = await readStream(await lane.harness.chat(hello));
    expect([told.text, told.error?.code, told.doneCount]).toEqual(["one two", "upstream_failed", 1]);
    expect(told.finishReasons).toEqual([]);
  });

  test("an error within the stream is told in our words", async () => {
    await using lane = await start([{ body: words + frame({ error: { message: "secret", code: 500 } }) + done }]);
    const body = await bodyOf(await lane.harness.chat(hello));
    expect(body.startsWith(words)).toBe(true);
    expect(body).not.toContain("secret");
    expect(parseFrames(body).at(-1)?.data).toBe("[DONE]");
  });

  test("what fails before the first word is asked for once more, and the client sees nothing of it [R0-059]", async () => {
    const ping = ": ping\n\n";
    const broken = [role, role + frame({ error: { message: "no GPU", code: 500 } }), ping, role + ping.repeat(20_000)];
    await using lane = await start([...broken.map((body) => ({ body })), { body: answer }], {
      RETRY_MAX_ATTEMPTS: "5",
    });
    expect(await bodyOf(await lane.harness.chat(hello))).toBe(answer);
    expect(lane.server.completions).toHaveLength(5);
  });

  test("what a refusal within the stream asks to change is changed, under an alias as well", async () => {
    const message = "This model's maximum context length is 10000 tokens. However, there are 1000 in the messages";
    const plays = [{ body: frame({ error: { message, code: 400 } }) }, { body: answer }];
    await using lane = await start(plays, { MODEL_ROUTES: JSON.stringify({ "my-model": "one/local" }) });
    const body = await bodyOf(await lane.harness.chat({ ...hello, model: "my-model", max_tokens: 32_000 }));
    expect(body).toBe(answer.replaceAll('"model":"local"', '"model":"my-model"'));
    expect(lane.server.completions.map(({ body: sent }) => sent?.["max_tokens"])).toEqual([32_000, 9000]);
  });

  test("a refusal before the head is a status", async () => {
    await using lane = await start([{ status: 400, body: '{"error":{"message":"bad","param":"top_p"}}' }]);
    expect(await readError(await lane.harness.chat(hello))).toMatchObject({ status: 400 });
  });

  test("a head that went out before a failure is followed by an event of its own [R1-019] [R1-020]", async () => {
    const environment = { HOLD_HEADERS_MS: "20", FIRST_BYTE_TIMEOUT_MS: "200", RETRY_MAX_ATTEMPTS: "1" };
    await using lane = await start([{ body: "", after: "silent" }], environment);
    const response = await lane.harness.chat(hello);
    expect(response.status).toBe(200);
    const [failure, ...others] = parseFrames(await bodyOf(response));
    expect(others).toEqual([]);
    expect(failure?.event).toBe("error");
    expect(JSON.parse(failure?.data ?? "")).toEqual({
      error: expect.stringContaining("Qwen sent nothing"),
      type: "streaming_error",
      code: "upstream-timeout",
    });
  });

  test("heartbeats stand between events, half an event waits, and silence is an error", async () => {
    const half = chunk({ content: "three" }).slice(0, 40);
    const environment = { SSE_KEEPALIVE_MS: "20", STALL_TIMEOUT_MS: "400" };
    await using lane = await start([{ body: words + half, after: "open" }], environment);
    const body = await bodyOf(await lane.harness.chat(hello));
    const pieces = body.slice(words.length).split(": keepalive\n\n");
    expect(body.startsWith(words)).toBe(true);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.slice(0, -1).join("")).toBe("");
    expect(pieces.at(-1)).toContain('"code":"upstream_timeout"');
    await lane.server.untilIdle();
  });

  test("a refusal whose body never ends is told as silence, and not as a broken connection", async () => {
    const environment = { FIRST_BYTE_TIMEOUT_MS: "60", RETRY_MAX_ATTEMPTS: "1" };
    await using lane = await start([{ status: 400, body: '{"error":{"message":"no', after: "open" }], environment);
    const answer = await readError(await lane.harness.chat(hello));
    expect(answer).toMatchObject({ status: 504, error: { code: "upstream_timeout" } });
  });

  test("a stream under a wrong content type begins with its first word (vllm-ascend's proxy)", async () => {
    for (const contentType of ["application/json", "text/plain"]) {
      await using lane = await start([{ body: words, contentType, after: "open" }], { HOLD_HEADERS_MS: "5000" });
      const live = readLive(await lane.harness.chat(hello));
      expect([await live.nextText(), await live.nextText()]).toEqual(["one ", "two"]);
      await live.cancel();
      await lane.server.untilIdle();
    }
  });

  test("a client that hangs up frees the upstream", async () => {
    await using lane = await start([{ body: words, after: "open" }]);
    const controller = new AbortController();
    const live = readLive(await lane.harness.chat(hello, { signal: controller.signal }));
    expect(await live.nextText()).toBe("one ");
    controller.abort();
    await lane.server.untilIdle();
    await untilIdle(lane.harness);
    const line = lane.harness.logLines.find((text) => text.includes('"outcome"'));
    expect(JSON.parse(line ?? "{}")).toMatchObject({ message: "exchange", outcome: "aborted" });
  });

  test("a client that does not read is cut, and frees the upstream", async () => {
    const long = chunk({ content: "x".repeat(1_000_000) }).repeat(40);
    await using lane = await start([{ body: words + long, after: "open" }], { CLIENT_STALL_MS: "100" });
    const response = await lane.harness.chat(hello);
    await lane.server.untilIdle();
    await untilIdle(lane.harness);
    const samples = parseMetrics(await bodyOf(await lane.harness.get("/metrics")));
    // It is given up where it was paused, not read to its end for nobody.
    expect(sumOf(samples, "qwen_gateway_bytes_total", { upstream: "one", direction: "received" })).toBeLessThan(
      long.length,
    );
    await response.body?.cancel().catch(() => {});
  });

  const whole = {
    id: "c",
    object: "chat.completion",
    created: 1,
    model: "local",
    choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop", odd: 1 }],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
    x_new: [1],
  };
  const asked = { model: "local", messages: [user("Hello")] };

  test.each([
    ["/v1/chat/completions", hello],
    ["/v1/chat/completions", asked],
    ["/v1/messages", { ...asked, max_tokens: 9 }],
  ])(
    "why the server refuses a request of %s stands in the log, and only there [R0-032, R2-054]",
    async (path, body) => {
      const refusal = { message: "top_k must be above 0 (/srv/server.py, line 3)", type: "invalid_request_error" };
      await using lane = await start([{ status: 400, body: JSON.stringify({ error: refusal }) }]);
      const response = await lane.harness.post(path, body);
      const told = await response.text();
      const line = lane.harness.logLines.find((text) => text.includes("exchange failed"));

      expect([response.status, told.includes("the gateway's log has its reason")]).toEqual([400, true]);
      expect(told).not.toContain("top_k");
      expect(JSON.parse(line ?? "{}")).toMatchObject({
        level: "warn",
        status: 400,
        reason: expect.stringContaining("top_k must be above 0 (/srv/server.py, line 3)"),
      });
      expect(line).not.toContain('"stack"');
    },
  );

  test.each([
    ["a stream that comes in one piece", "/v1/chat/completions", hello, answer],
    ["a translated stream in one piece", "/v1/messages", { ...hello, max_tokens: 9 }, answer],
    ["a whole answer", "/v1/chat/completions", asked, JSON.stringify(whole)],
    ["a translated whole answer", "/v1/messages", { ...asked, max_tokens: 9 }, JSON.stringify(whole)],
  ])("%s counts with all its bytes, and against its caller's limit of tokens [R0-064, R2-080]", async (...row) => {
    const [, path, body, play] = row;
    await using lane = await start([{ body: play }], { LIMIT_TOKENS_PER_DAY: "7" });
    const told = await bodyOf(await lane.harness.post(path, body));
    await untilIdle(lane.harness);
    const samples = parseMetrics(await bodyOf(await lane.harness.get("/metrics")));
    const bytes = (direction: string) => sumOf(samples, "qwen_gateway_bytes_total", { upstream: "one", direction });
    const line = lane.harness.logLines.find((text) => text.includes('"outcome"'));

    expect([bytes("received"), bytes("sent")]).toEqual([Buffer.byteLength(play), Buffer.byteLength(told)]);
    expect(sumOf(samples, "qwen_gateway_chunks_total", { direction: "sent" })).toBeGreaterThanOrEqual(1);
    expect(JSON.parse(line ?? "{}")).toMatchObject({ outcome: "complete", bytes: Buffer.byteLength(told) });
    expect((await lane.harness.post(path, body)).status).toBe(429);
  });

  describe("whole answers", () => {
    test("an answer is passed on as it came", async () => {
      const text = JSON.stringify(whole, undefined, 1);
      await using lane = await start([{ body: text }]);
      const response = await lane.harness.chat(asked);
      expect(response.headers.get("content-type")).toContain("application/json");
      expect(await bodyOf(response)).toBe(text);
      expect(lane.server.completions[0]?.body).toEqual({ ...asked, stream: false });
    });

    test("an answer that says what no client understands is made anew", async () => {
      const message = {
        role: "assistant",
        content: null,
        tool_calls: [{ function: { name: "f", arguments: { a: 1 } } }],
      };
      const choices = [{ index: 0, message, finish_reason: "stop" }];
      await using lane = await start([{ body: JSON.stringify({ ...whole, choices }) }]);
      const { choices: told } = JSON.parse(await bodyOf(await lane.harness.chat(asked)));
      expect(told[0]).toMatchObject({
        finish_reason: "tool_calls",
        message: { tool_calls: [{ id: expect.stringMatching(/^call_/), function: { arguments: '{"a":1}' } }] },
      });
    });

    test.each([
      ['{"error":{"message":"no GPU","type":"server_error"}}', 502],
      ["<html>gateway</html>", 502],
      ['{"answer":"Hi"}', 502],
    ])("%s under a good status is an error (%d)", async (body, status) => {
      await using lane = await start([{ body }], { RETRY_MAX_ATTEMPTS: "1" });
      expect((await readError(await lane.harness.chat(asked))).status).toBe(status);
    });

    test("the clock of the first byte does not count, since nothing comes before the end", async () => {
      const late: Play = { body: JSON.stringify(whole), delayMs: 300 };
      await using lane = await start([late], { FIRST_BYTE_TIMEOUT_MS: "100" });
      expect((await lane.harness.chat(asked)).status).toBe(200);
    });

    test("a server that only streams is asked for a stream, from then on at once", async () => {
      const refusal: Play = { status: 400, body: '{"error":{"message":"This model only support stream mode"}}' };
      await using lane = await start([refusal, { body: answer }]);
      for (const count of [2, 3]) {
        const { choices } = JSON.parse(await bodyOf(await lane.harness.chat(asked)));
        expect(choices[0].message.content).toBe("one two");
        expect(lane.server.completions).toHaveLength(count);
      }
    });

    test("a whole answer to a request for a stream becomes one", async () => {
      await using lane = await start([{ body: JSON.stringify(whole) }]);
      const told = await readStream(await lane.harness.chat(hello));
      expect([told.text, told.finishReasons, told.doneCount]).toEqual(["Hi", ["stop"], 1]);
    });
  });
});
