// What streamSSE asks for, and what its callbacks hear.

import { describe, expect, test } from "bun:test";
import { connectSSE, type SSEEvent, streamSSE } from "../../../src/client/client.ts";
import { createEar, eventStreamHead, frame, openStream, scriptedFetch, sparseFetch, streamOf } from "./stage.ts";
import { outcomeOf, question, stream, url, whole } from "./stream-stage.ts";

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

  test("what a reader gives that can do no more than read, and lets go of it [R3-075] [R3-045]", async () => {
    const chunks = [frame({ token: "Hi" }), frame("[DONE]")].map((text) => new TextEncoder().encode(text));
    let isReleased = false;
    const reader = {
      read: async () => ({ done: chunks.length === 0, value: chunks.shift() }),
      releaseLock() {
        isReleased = true;
      },
    };
    const ear = createEar();

    const error = await outcomeOf(
      streamSSE(url, question, ear.callbacks, undefined, {
        fetch: sparseFetch({ ok: true, body: { getReader: () => reader } }),
      }),
    );

    expect(error).toBeUndefined();
    expect(ear.heard).toEqual([["token", "Hi"], ["complete"]]);
    expect(isReleased).toBe(true);
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

  test("the agent's result is the end, whatever the connection does [R4-062]", async () => {
    const answer = openStream();
    const result = { success: true, totalExecutionTime: 12, results: [] };
    answer.push(`event: done\ndata: ${JSON.stringify(result)}\n\nevent: progress\ndata: {"type":"late"}\n\n`);

    const { heard, error } = await stream(answer.response);

    expect(error).toBeUndefined();
    expect(heard).toEqual([["done", result], ["complete"]]);
    expect(answer.isCancelled()).toBe(true);
  });

  test("events whose ids are no count, as other servers have them [R3-073]", async () => {
    const { heard } = await stream(
      streamOf(frame({ token: "a" }, 7), frame({ token: "b" }, 7), frame({ token: "c" }, 3), frame("[DONE]", 1)),
    );

    expect(heard).toEqual([["token", "a"], ["token", "b"], ["token", "c"], ["complete"]]);
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
