// streamSSE from its call to its end: the request, what callbacks hear, how it fails, when it asks again.

import { describe, expect, test } from "bun:test";
import {
  connectSSE,
  SSEError,
  type SSEErrorCode,
  type SSEEvent,
  type SSEOptions,
  streamSSE,
} from "../../../src/client/client.ts";
import {
  type Answers,
  createEar,
  dropped,
  eventStreamHead,
  frame,
  ManualTimers,
  openStream,
  scriptedFetch,
  settle,
  streamOf,
} from "./stage.ts";

const url = "http://gateway.test/api/chat/stream";
const question = { message: "Hello" };
const whole = () => streamOf(frame({ token: "Hi" }), frame("[DONE]"));

/** The error that a stream rejects with, as soon as it does; undefined: it went well. */
function outcomeOf(stream: Promise<void>): Promise<SSEError | undefined> {
  return stream.then(
    () => undefined,
    (error: SSEError) => error,
  );
}

async function stream(answer: Response, options: SSEOptions = {}) {
  const ear = createEar();
  const { fetch, asked } = scriptedFetch(answer);
  const logged: unknown[] = [];
  const error = await outcomeOf(
    streamSSE(url, question, ear.callbacks, undefined, {
      fetch,
      timers: new ManualTimers(),
      log: (message, detail) => logged.push([message, detail]),
      ...options,
    }),
  );
  return { ...ear, asked, error, logged };
}

describe("streamSSE asks", () => {
  test("by POST, with JSON, for an event stream [R3-029] [R3-032]", async () => {
    const { asked, error } = await stream(whole(), { headers: { authorization: "Bearer key" } });

    expect(error).toBeUndefined();
    expect(asked).toHaveLength(1);
    const [{ url: askedUrl, method, headers, body } = asked[0]!] = asked;
    expect([askedUrl, method, body]).toEqual([url, "POST", question]);
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("accept")).toBe("text/event-stream");
    expect(headers.get("authorization")).toBe("Bearer key");
  });

  test("by fetch and not by EventSource, which cannot POST [R3-085] [R4-068]", async () => {
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) =>
        new Response(
          frame({ token: `${request.method} ${((await request.json()) as { message: string }).message}` }) +
            frame("[DONE]"),
          {
            headers: eventStreamHead,
          },
        ),
    });
    const ear = createEar();

    await streamSSE(new URL("/api/chat/stream", server.url), question, ear.callbacks);

    expect(ear.heard).toEqual([["token", "POST Hello"], ["complete"]]);
  });
});

describe("streamSSE delivers", () => {
  test("a token and the end of a mock stream [R3-075] [R3-039]", async () => {
    const { heard, error } = await stream(whole());

    expect(error).toBeUndefined();
    expect(heard).toEqual([["token", "Hi"], ["complete"]]);
  });

  test("each kind of event to its callback, with its value [R3-030]", async () => {
    const source = { chunk_id: "c1", document_name: "Contract", text: "One month", score: 0.9 };
    const metadata = { stream_id: "s1", model: "qwen" };

    const { heard } = await stream(
      streamOf(
        frame({ metadata }),
        frame({ stage: "retrieval" }),
        frame({ sources: [source] }),
        frame({ reasoning: "Hm" }),
        frame({ token: "Hi" }),
        frame({ quality_score: 0.8 }),
        frame({ follow_up_questions: ["Why?"] }),
        frame("[DONE]"),
      ),
    );

    expect(heard).toEqual([
      ["metadata", metadata],
      ["stage", "retrieval"],
      ["sources", [source]],
      ["reasoning", "Hm"],
      ["token", "Hi"],
      ["quality", 0.8],
      ["follow-ups", ["Why?"]],
      ["complete"],
    ]);
  });

  test("every event of the published union, each under its key [R3-028] [R3-030]", async () => {
    const events: readonly SSEEvent[] = [
      { stage: "retrieval" },
      { sources: [] },
      { reasoning: "Hm" },
      { token: "Hi" },
      { quality_score: 1 },
      { follow_up_questions: ["Why?"] },
      { metadata: { model: "qwen" } },
      { error: "Too long" },
    ];
    const { names } = await stream(streamOf(...events.map((event) => frame(event))));

    expect(names()).toEqual(["stage", "sources", "reasoning", "token", "quality", "follow-ups", "metadata", "error"]);
  });

  test("to nobody where a callback is missing [R3-030]", async () => {
    const all = { stage: "a", token: "b", reasoning: "c", sources: [], quality_score: 1, follow_up_questions: [] };
    const { fetch } = scriptedFetch(() => streamOf(frame({ ...all, metadata: {} }), frame("[DONE]")));

    await streamSSE(url, question, {}, undefined, { fetch });
    await connectSSE(url, question, {}, undefined, { fetch });
  });

  test("several keys of one event to several callbacks [R3-041]", async () => {
    const { heard } = await stream(streamOf(frame({ stage: "x", token: "y" })));

    expect(heard).toEqual([["stage", "x"], ["token", "y"], ["complete"]]);
  });

  test("falsy values, and nothing of another type than promised [R3-042] [R3-080]", async () => {
    const { heard } = await stream(
      streamOf(
        frame({ quality_score: 0 }),
        frame({ sources: [] }),
        frame({ follow_up_questions: [] }),
        frame({ token: "" }),
        frame({ stage: "" }),
        frame({ token: null, stage: 5, sources: "none", quality_score: "high", metadata: null, error: null }),
      ),
    );

    expect(heard).toEqual([
      ["quality", 0],
      ["sources", []],
      ["follow-ups", []],
      ["token", ""],
      ["stage", ""],
      ["complete"],
    ]);
  });

  test("characters and events that are cut between chunks [R3-035] [R3-036]", async () => {
    const bytes = new TextEncoder().encode(frame({ token: "Grüße 👋🏽" }) + frame("[DONE]"));
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const { heard } = await stream(streamOf(bytes.subarray(0, cut), bytes.subarray(cut)));

      expect(heard).toEqual([["token", "Grüße 👋🏽"], ["complete"]]);
    }
  });

  test("the end once, at the mark, and waits for nothing behind it [R3-076]", async () => {
    const answer = openStream();
    const ear = createEar();
    const { fetch } = scriptedFetch(answer.response);
    answer.push(frame({ token: "Hi" }) + frame("[DONE]") + frame({ token: "late" }) + frame("[DONE]"));

    await streamSSE(url, question, ear.callbacks, undefined, { fetch });

    expect(ear.heard).toEqual([["token", "Hi"], ["complete"]]);
    expect(answer.isCancelled()).toBe(true);
  });

  test("the end once when the body ends without a mark [R3-040] [R3-076]", async () => {
    const { heard } = await stream(streamOf(frame({ token: "Hi" })));

    expect(heard).toEqual([["token", "Hi"], ["complete"]]);
  });

  test("nothing for what is not JSON, but tells the log [R3-043]", async () => {
    const { heard, logged } = await stream(streamOf(frame("{broken"), frame("5"), frame({ token: "Hi" })));

    expect(heard).toEqual([["token", "Hi"], ["complete"]]);
    expect(logged).toEqual([["Skipped an event that is not JSON", "{broken"]]);
  });

  test("nothing for comments and empty events [R3-015] [R3-037]", async () => {
    const { heard, logged } = await stream(
      streamOf(": keepalive\n\n", "\n\n\n\n", "data:\n\n", frame({ token: "Hi" })),
    );

    expect(heard).toEqual([["token", "Hi"], ["complete"]]);
    expect(logged).toEqual([]);
  });

  test("every event to onEvent, so that streams of other keys are read too [R3-002]", async () => {
    const events: unknown[] = [];
    const { fetch } = scriptedFetch(streamOf(frame({ accounts: [1] }), frame({ progress: 0.5 }), frame("[DONE]")));

    await streamSSE(url, question, { onEvent: (data) => events.push(data) }, undefined, { fetch });

    expect(events).toEqual([{ accounts: [1] }, { progress: 0.5 }]);
  });

  test("the agent's progress and result [R4-062]", async () => {
    const progress = { type: "executing", message: "Executing: create_event (1/1)", timestamp: 1 };
    const result = { success: true, totalExecutionTime: 12, results: [], answer: "Done" };

    const { heard, error } = await stream(
      streamOf(
        `event: progress\ndata: ${JSON.stringify(progress)}\n\n`,
        `event: done\ndata: ${JSON.stringify(result)}\n\n`,
      ),
    );

    expect(error).toBeUndefined();
    expect(heard).toEqual([["progress", progress], ["done", result], ["complete"]]);
  });

  test("the agent's error, and the result behind it [R4-062]", async () => {
    const failure = { type: "error", code: "timeout", message: "It took too long", timestamp: 1 };
    const result = { success: false, totalExecutionTime: 60_000, results: [] };

    const { names, named, error, asked } = await stream(
      streamOf(
        `event: error\ndata: ${JSON.stringify(failure)}\n\n`,
        `event: done\ndata: ${JSON.stringify(result)}\n\n`,
      ),
    );

    expect(names()).toEqual(["error", "done"]);
    expect(named("done")).toEqual([result]);
    expect([error?.code, error?.message, error?.serverCode]).toEqual(["server", "It took too long", "timeout"]);
    expect(asked).toHaveLength(1);
  });
});

describe("streamSSE fails", () => {
  test("with the server's words, once, and is not complete [R3-044] [R3-083]", async () => {
    const { heard, error, asked } = await stream(
      streamOf(frame({ token: "Hi" }), frame({ error: "The model is busy. Try again." }), frame("[DONE]")),
    );

    expect(error).toBeInstanceOf(Error);
    expect(heard).toEqual([
      ["token", "Hi"],
      ["error", error],
    ]);
    expect([error?.code, error?.message]).toEqual(["server", "The model is busy. Try again."]);
    expect(asked).toHaveLength(1);
  });

  test("with a sentence of its own when the error has none, with the text when it is an object [R3-044] [R3-080]", async () => {
    const empty = await stream(streamOf(frame({ error: "" })));
    const nested = await stream(streamOf(frame({ error: { message: "Too long", code: "context-too-long" } })));

    expect(empty.heard).toEqual([["error", empty.error]]);
    expect(empty.error?.message).toBe("The server could not finish its answer.");
    expect([nested.error?.message, nested.error?.serverCode]).toEqual(["Too long", "context-too-long"]);
  });

  test.each([
    ['{"message":"message: is missing"}', "message: is missing"],
    ['{"message":"","error":{"message":"No such model"}}', "No such model"],
    ['{"error":"No"}', "No"],
    ["<html>", "HTTP 400"],
    ["", "HTTP 400"],
    ["[]", "HTTP 400"],
  ])("by status with the body's message or the status: %s [R3-033]", async (body, message) => {
    const { error, heard, asked } = await stream(new Response(body, { status: 400 }));

    expect([error?.code, error?.status, error?.message]).toEqual(["http", 400, message]);
    expect(heard).toEqual([["error", error]]);
    expect(asked).toHaveLength(1);
  });

  test("when there is no body to read [R3-034]", async () => {
    const { error } = await stream(new Response(null, { headers: eventStreamHead }));

    expect([error?.code, error?.message]).toEqual(["http", "Cannot read stream: the answer has no body"]);
  });

  test("when the answer is no event stream [R3-072]", async () => {
    const { error, heard } = await stream(Response.json({ token: "Hi" }));

    expect(error?.code).toBe("http");
    expect(error?.message).toBe(
      'Cannot read stream: expected "text/event-stream", the server sent "application/json;charset=utf-8"',
    );
    expect(heard).toEqual([["error", error]]);
  });

  test("with sentences that may be shown [R3-066]", () => {
    const sentence = (code: SSEErrorCode) => new SSEError(code).message;

    expect(sentence("timeout")).toBe("Request timed out. Please try again.");
    expect(sentence("network")).toBe("Network error. Please check your connection.");
  });

  test("with the network's sentence when there is no connection [R3-066]", async () => {
    const ear = createEar();
    const { fetch } = scriptedFetch(dropped());

    const error = await outcomeOf(streamSSE(url, question, ear.callbacks, undefined, { fetch, maxRetries: 1 }));

    expect([error?.code, error?.message]).toEqual(["network", "Network error. Please check your connection."]);
    expect(error?.cause).toBeInstanceOf(TypeError);
    expect(ear.heard).toEqual([["error", error]]);
  });

  test("with what a callback threw, asks no second time, and calls no other callback", async () => {
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(whole());
    const fault = new RangeError("bug");
    const onToken = () => {
      throw fault;
    };

    const stopped = streamSSE(url, question, { ...ear.callbacks, onToken }, undefined, { fetch });

    expect(await stopped.catch((error: unknown) => error)).toBe(fault);
    expect(asked).toHaveLength(1);
    expect(ear.heard).toEqual([]);
  });
});

describe("streamSSE asks again", () => {
  function begin(answers: Answers, options: SSEOptions = {}) {
    const timers = new ManualTimers();
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(...answers);
    const outcome = outcomeOf(streamSSE(url, question, ear.callbacks, undefined, { fetch, timers, ...options }));
    return { ...ear, timers, asked, outcome };
  }

  test("never when it went well [R3-046]", async () => {
    const { asked, outcome, timers } = begin([whole()]);

    expect(await outcome).toBeUndefined();
    await timers.advance(100_000);
    expect(asked).toHaveLength(1);
  });

  test("after 1000 and 2000 ms, three times in all, and fails with the last error [R3-031] [R3-047] [R3-050]", async () => {
    const { asked, outcome, timers, named, names } = begin([
      dropped(),
      dropped(),
      () => new Response('{"message":"Last"}', { status: 503 }),
    ]);
    await timers.advance(999);
    expect(asked).toHaveLength(1);
    await timers.advance(1);
    expect(asked).toHaveLength(2);
    await timers.advance(1999);
    expect(asked).toHaveLength(2);
    await timers.advance(1);
    expect(asked).toHaveLength(3);

    const error = await outcome;

    expect([error?.code, error?.message]).toEqual(["http", "Last"]);
    expect(names()).toEqual(["reconnect", "reconnect", "error"]);
    expect(named("error")).toEqual([error]);
    await timers.advance(100_000);
    expect(asked).toHaveLength(3);
  });

  test("and delivers what the second attempt brings [R3-070]", async () => {
    const { outcome, timers, heard } = begin([dropped(), whole()]);
    await timers.advance(1000);

    expect(await outcome).toBeUndefined();
    expect(heard.slice(1)).toEqual([["token", "Hi"], ["complete"]]);
  });

  test("with five attempts and 1000 ms, as for bad networks [R3-074]", async () => {
    const { asked, outcome, timers } = begin([dropped()], { maxRetries: 5, retryDelay: 1000 });
    await timers.advance(1000 + 2000 + 4000 + 8000);

    expect((await outcome)?.code).toBe("network");
    expect(asked).toHaveLength(5);
  });

  test("after as long as the server asks for, and not when it says that it is useless", async () => {
    const busy = (headers: Record<string, string>) => () => new Response("", { status: 429, headers });
    const patient = begin([busy({ "retry-after": "7" }), whole()]);
    await patient.timers.advance(6999);
    expect(patient.asked).toHaveLength(1);
    await patient.timers.advance(1);
    expect(await patient.outcome).toBeUndefined();

    const useless = begin([busy({ "x-should-retry": "false" })]);
    expect((await useless.outcome)?.status).toBe(429);
    expect(useless.asked).toHaveLength(1);
  });

  test("not for a refusal", async () => {
    const { asked, outcome } = begin([new Response("", { status: 401 })]);

    expect((await outcome)?.status).toBe(401);
    expect(asked).toHaveLength(1);
  });

  test("not when something was delivered: it would be delivered twice [R3-077]", async () => {
    const answer = openStream();
    const { asked, outcome, timers, heard } = begin([answer.response, whole()]);
    answer.push(frame({ token: "a" }) + frame({ token: "b" }) + frame({ token: "c" }));
    await settle();
    answer.drop();
    await timers.advance(100_000);

    const error = await outcome;

    expect([error?.code, error?.message]).toEqual(["network", "Network error. Please check your connection."]);
    expect(heard).toEqual([
      ["token", "a"],
      ["token", "b"],
      ["token", "c"],
      ["error", error],
    ]);
    expect(asked).toHaveLength(1);
  });

  test("not when whoever fetches says that it was aborted [R3-049]", async () => {
    const { asked, outcome, timers, heard } = begin([new DOMException("gone", "AbortError") as Error, whole()]);
    await timers.advance(100_000);

    expect((await outcome)?.code).toBe("aborted");
    expect(asked).toHaveLength(1);
    expect(heard).toEqual([]);
  });

  test("only when the caller still wants it: an abort ends the wait [R3-048] [R3-065]", async () => {
    const timers = new ManualTimers();
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(dropped(), whole());
    const controller = new AbortController();
    const outcome = outcomeOf(streamSSE(url, question, ear.callbacks, controller.signal, { fetch, timers }));
    await timers.advance(500);
    controller.abort();

    const error = await outcome;

    expect([error?.code, error?.name]).toEqual(["aborted", "AbortError"]);
    expect(ear.names()).toEqual(["reconnect"]);
    expect(timers.pending).toBe(0);
    await timers.advance(100_000);
    expect(asked).toHaveLength(1);
  });

  test("never for connectSSE [R3-053]", async () => {
    const { fetch, asked } = scriptedFetch(dropped());

    expect((await outcomeOf(connectSSE(url, question, {}, undefined, { fetch })))?.code).toBe("network");
    expect(asked).toHaveLength(1);
  });
});
