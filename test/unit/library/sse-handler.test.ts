// The streaming handler over stubs: no network, no database. What it does must not depend on what stands behind it.

import { describe, expect, test } from "bun:test";
import { openaiErrorBody } from "../../../src/contract/openai-error.ts";
import { EventSequence } from "../../../src/gateway/replies/event-sequence.ts";
import { eventStreamHeaders } from "../../../src/sse/event-stream-headers.ts";
import { createEventDecoder, GatewayError, SSEHandler, transformToQwenRequest } from "../../../src/library.ts";
import { openaiChat } from "../../../src/surfaces/openai-chat/surface.ts";
import { createLog } from "../../../src/telemetry/create-log.ts";
import { type ChatStream, parseChatStream } from "../../support/sse-frames.ts";
import { decodeAll } from "../../support/recordings.ts";
import { answering, created, delta, eventStream, ids, liveStream, rememberingSessions, wholeAnswer } from "./stubs.ts";

const encoder = new TextEncoder();
const question = { messages: [{ role: "user", content: "Hello" }] };
const payload = transformToQwenRequest(question, { chatId: ids.chatId, parentId: null });

function clientRequest(signal?: AbortSignal): Request {
  return new Request("http://localhost/v1/chat/completions", {
    method: "POST",
    ...(signal === undefined ? {} : { signal }),
  });
}

async function readStream(response: Response): Promise<ChatStream> {
  return parseChatStream(await response.text());
}

describe("SSEHandler", () => {
  test("is made from a client and a session manager alone, and streams one answer [R0-038, R0-039]", async () => {
    const client = answering(() => eventStream(wholeAnswer.join("")));
    const handler = new SSEHandler(client, rememberingSessions());

    const completion = handler.streamCompletion(payload, clientRequest(), "session-1", "qwen3-coder-plus");
    const stream = await readStream(await completion.response);

    expect(await completion).toBeUndefined();
    expect(client.sent).toEqual([payload]);
    expect(stream).toMatchObject({ text: "Good day", finishReasons: ["stop"], doneCount: 1 });
    for (const chunk of stream.chunks) expect(chunk.model).toBe("qwen3-coder-plus");
  });

  test("answers before the end of the reply, and settles behind [DONE] [R0-039]", async () => {
    const live = liveStream();
    const handler = new SSEHandler(
      answering(() => eventStream(live.body)),
      rememberingSessions(),
    );
    const completion = handler.streamCompletion(payload, clientRequest(), "session-1");
    live.push(created + delta("Good "));

    const reader = (await completion.response).body!.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    expect(first).toContain('"content":"Good "');
    expect(await Promise.race([completion.then(() => "settled"), Promise.resolve("running")])).toBe("running");
    live.push(delta("day", "finished"));
    await completion;

    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      rest += new TextDecoder().decode(next.value);
    }
    expect(rest).toEndWith("data: [DONE]\n\n");
  });

  test("moves the session on to the node of the answer, once, and only when it is complete [R0-025, R0-045]", async () => {
    const live = liveStream();
    const sessions = rememberingSessions();
    const handler = new SSEHandler(
      answering(() => eventStream(live.body)),
      sessions,
    );
    const completion = handler.streamCompletion(payload, clientRequest(), "session-1");
    live.push(created + delta("Good day"));
    const response = await completion.response;

    expect(sessions.updates).toEqual([]);
    live.push(delta("", "finished"));
    await completion;

    expect(sessions.updates).toEqual([
      { sessionId: "session-1", update: { parentId: ids.responseId, responseId: ids.responseId } },
    ]);
    expect((await readStream(response)).doneCount).toBe(1);
  });

  test("ends an answer whose session manager never comes back, and says so in the log", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "error", format: "json", write: (line) => void lines.push(line) });
    const sessions = { updateSession: () => new Promise<never>(() => {}) };
    const handler = new SSEHandler(
      answering(() => eventStream(wholeAnswer.join(""))),
      sessions,
      log,
    );

    const completion = handler.streamCompletion(payload, clientRequest(), "session-1");
    const stream = await readStream(await completion.response);

    expect(await completion).toBeUndefined();
    expect(stream).toMatchObject({ text: "Good day", finishReasons: ["stop"], doneCount: 1 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"message":"Cannot update the session","session":"session-1"');
  });

  test("lets go of the upstream when the client hangs up, and leaves the session where it was [R0-046]", async () => {
    const live = liveStream();
    const sessions = rememberingSessions();
    const handler = new SSEHandler(
      answering(() => eventStream(live.body)),
      sessions,
    );
    const completion = handler.streamCompletion(payload, clientRequest(), "session-1");
    live.push(created + delta("Good "));
    const response = await completion.response;

    await response.body?.cancel();

    await live.cancelled;
    await completion;
    expect(sessions.updates).toEqual([]);
  });

  test("lets go of the upstream when the request is aborted before the answer began [R0-046]", async () => {
    const live = liveStream();
    const sessions = rememberingSessions();
    const handler = new SSEHandler(
      answering(() => eventStream(live.body)),
      sessions,
    );
    const controller = new AbortController();
    const completion = handler.streamCompletion(payload, clientRequest(controller.signal), "session-1");
    live.push(created);

    controller.abort();

    await live.cancelled;
    await completion;
    expect(sessions.updates).toEqual([]);
  });

  test("rejects on a broken stream although the client was told, once [R0-033]", async () => {
    const live = liveStream();
    const sessions = rememberingSessions();
    const handler = new SSEHandler(
      answering(() => eventStream(live.body)),
      sessions,
    );
    const completion = handler.streamCompletion(payload, clientRequest(), "session-1");
    live.push(created + delta("Good "));
    const response = await completion.response;

    live.break(new Error("connection reset"));

    await expect(completion).rejects.toMatchObject({ kind: "upstream-failed" });
    const stream = await readStream(response);
    expect(stream.chunks.filter((chunk) => chunk.error !== undefined)).toHaveLength(1);
    expect(stream).toMatchObject({ text: "Good ", finishReasons: [], doneCount: 1 });
    expect(sessions.updates).toEqual([]);
  });

  test("answers a refusal with its status and no stream [R0-031]", async () => {
    const client = answering(() => {
      throw new GatewayError("upstream-quota", "Qwen's daily limit is reached", { retryAfterMs: 20_000 });
    });
    const handler = new SSEHandler(client, rememberingSessions());

    const completion = handler.streamCompletion(payload, clientRequest(), "session-1");
    const response = await completion.response;

    await expect(completion).rejects.toMatchObject({ kind: "upstream-quota" });
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("20");
    expect(await response.json()).toMatchObject({ error: { code: "upstream_quota" } });
  });

  test("understands a JSON answer of the backend", async () => {
    const body = {
      success: true,
      data: { parent_id: "u", response_id: "r", choices: [{ message: { role: "assistant", content: "Whole" } }] },
    };
    const sessions = rememberingSessions();
    const handler = new SSEHandler(
      answering(() => Response.json(body)),
      sessions,
    );

    const completion = handler.streamCompletion(payload, clientRequest(), "session-1");

    expect(await readStream(await completion.response)).toMatchObject({ text: "Whole", doneCount: 1 });
    await completion;
    expect(sessions.updates).toEqual([{ sessionId: "session-1", update: { parentId: "r", responseId: "r" } }]);
  });

  test("keeps any number of streams of one handler apart", async () => {
    const words = Array.from({ length: 20 }, (_, index) => `word-${index}`);
    const answers = words.map((word) => created + delta(word) + delta("", "finished"));
    const handler = new SSEHandler(
      answering(() => eventStream(answers.shift() ?? "")),
      rememberingSessions(),
    );

    const streams = await Promise.all(
      words.map(async (word) => {
        const completion = handler.streamCompletion(payload, clientRequest(), word);
        const stream = await readStream(await completion.response);
        await completion;
        return stream;
      }),
    );

    expect(streams.map((stream) => stream.text)).toEqual(words);
  });
});

describe("the steps of a streamed answer, each alone", () => {
  const identity = { replyId: "1", model: "qwen3-max", createdAtMs: 0 };
  const request = openaiChat.parseRequest({ ...question, stream: true });

  test("headers are a table [R0-040]", () => {
    expect(eventStreamHeaders).toEqual({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      connection: "keep-alive",
      "x-accel-buffering": "no",
    });
  });

  test("chunks of the backend become chat.completion.chunk objects without any network [R0-008, R0-040]", () => {
    const decoder = createEventDecoder({ chatId: ids.chatId, model: "qwen3-max" });
    const client = openaiChat.createEncoder(request, identity);
    const sequence = new EventSequence((event) => client.write(event));
    const bytes = encoder.encode(created + delta("Good ") + delta("day"));

    for (const chunk of [bytes.subarray(0, 100), bytes.subarray(100)]) {
      decoder.feed(chunk, (event) => sequence.accept(event));
    }

    const { chunks } = parseChatStream(new TextDecoder().decode(client.take()));
    expect(chunks.map((chunk) => chunk.object)).toEqual(Array(3).fill("chat.completion.chunk"));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: "assistant", content: "" },
      { content: "Good " },
      { content: "day" },
    ]);
  });

  test("an error becomes one frame and the end marker [R0-030, R0-040]", () => {
    const error = new GatewayError("upstream-failed", "Qwen broke off");
    const client = openaiChat.createEncoder(request, identity);

    client.write({ type: "reply-error", error });

    const text = new TextDecoder().decode(client.take());
    expect(text).toBe(`data: ${JSON.stringify(openaiErrorBody(error))}\n\ndata: [DONE]\n\n`);
    expect(openaiErrorBody(error).error).toEqual({
      message: "Qwen broke off",
      type: "upstream_error",
      param: null,
      code: "upstream_failed",
    });
  });
});

describe("createEventDecoder", () => {
  test("tells the three ids of response.created [R0-015]", () => {
    const decoder = createEventDecoder({ chatId: ids.chatId, model: "qwen3-max" });

    const [first] = decodeAll(decoder, [encoder.encode(created)]);

    expect(first).toMatchObject({ type: "reply-start", continuation: { ...ids, nodeId: ids.responseId } });
  });

  test("chains on parent_id where that is configured [R0-015]", () => {
    const decoder = createEventDecoder({ chatId: "", model: "qwen3-max", chainOn: "parent_id" });

    const [first] = decodeAll(decoder, [encoder.encode(created)]);

    expect(first).toMatchObject({ continuation: { nodeId: ids.parentId, responseId: ids.responseId } });
  });
});
