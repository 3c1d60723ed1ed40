// How a stream says that it failed.

import { describe, expect, test } from "bun:test";
import { Readable } from "node:stream";
import { type Fetch, SSEError, type SSEErrorCode, streamSSE } from "../../../src/client/client.ts";
import {
  createEar,
  dropped,
  eventStreamHead,
  frame,
  ManualTimers,
  openStream,
  scriptedFetch,
  sparseFetch,
  streamOf,
} from "./stage.ts";
import { outcomeOf, question, stream, url, whole } from "./stream-stage.ts";

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

  test.each(["The model is busy", '"The model is busy"'])(
    "with the words of an error event that is no object: %s [R3-044] [R3-083]",
    async (data) => {
      const { heard, error, logged } = await stream(streamOf(`event: error\ndata: ${data}\n\n`, frame("[DONE]")));

      expect(heard).toEqual([["error", error]]);
      expect([error?.code, error?.message]).toEqual(["server", "The model is busy"]);
      expect(logged).toEqual([]);
    },
  );

  test("once, with the server's words, when the connection breaks behind them [R3-044] [R4-062]", async () => {
    const connection = openStream();
    const ear = createEar();
    const { fetch } = scriptedFetch(connection.response);

    const ended = outcomeOf(streamSSE(url, question, ear.callbacks, undefined, { fetch, timers: new ManualTimers() }));
    connection.push('event: error\ndata: {"type":"error","code":"timeout","message":"It took too long"}\n\n');
    await ear.until(1);
    connection.drop();

    const error = await ended;
    expect([error?.code, error?.message]).toEqual(["server", "It took too long"]);
    expect(ear.heard).toEqual([["error", error]]);
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

  test("by status, also when all that the answer can do is json() [R3-033]", async () => {
    const ear = createEar();
    const fetch = sparseFetch({ ok: false, status: 400, json: async () => ({ message: "No" }) });

    const error = await outcomeOf(streamSSE(url, question, ear.callbacks, undefined, { fetch }));

    expect([error?.code, error?.status, error?.message]).toEqual(["http", 400, "No"]);
    expect(ear.heard).toEqual([["error", error]]);
  });

  test.each([
    ["no body", async () => new Response(null, { headers: eventStreamHead })],
    [
      "a body that somebody else reads",
      async () => {
        const answer = whole();
        answer.body?.getReader();
        return answer;
      },
    ],
    [
      "a body that was read already, to be logged",
      async () => {
        const answer = whole();
        await answer.text();
        return answer;
      },
    ],
    [
      "a body of Node, as of some that stand in for fetch",
      sparseFetch({ ok: true, status: 200, body: Readable.from([]) }),
    ],
  ] satisfies [string, Fetch][])("when there is %s [R3-034]", async (_what, fetch) => {
    const ear = createEar();

    const error = await outcomeOf(streamSSE(url, question, ear.callbacks, undefined, { fetch }));

    expect(error).toBeInstanceOf(SSEError);
    expect([error?.code, error?.status, error?.message]).toEqual([
      "http",
      200,
      "Cannot read stream: the answer has no readable body",
    ]);
    expect(error?.cause).toBeInstanceOf(TypeError);
    expect(ear.heard).toEqual([["error", error]]);
  });

  test("when the answer is no event stream [R3-072]", async () => {
    const { error, heard } = await stream(Response.json({ token: "Hi" }));

    expect([error?.code, error?.status]).toEqual(["http", 200]);
    expect(error?.message).toBe(
      'Cannot read stream: expected "text/event-stream", the server sent "application/json;charset=utf-8"',
    );
    expect(heard).toEqual([["error", error]]);
  });

  test("when the answer is no event stream, and its body one of Node [R3-072]", async () => {
    const ear = createEar();
    const headers = new Headers({ "content-type": "text/html" });
    const fetch = sparseFetch({ ok: true, status: 200, headers, body: Readable.from(["<html>"]) });

    const error = await outcomeOf(streamSSE(url, question, ear.callbacks, undefined, { fetch }));

    expect([error?.code, error?.message]).toEqual([
      "http",
      'Cannot read stream: expected "text/event-stream", the server sent "text/html"',
    ]);
    expect(ear.heard).toEqual([["error", error]]);
  });

  test.each([
    ["a header that no request may have", question, { authorization: "Bearer \u2013key" }],
    ["a body that is no JSON", { number: 1n }, {}],
  ])("before anything is sent, with %s [R3-044]", async (_what, body, headers) => {
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(whole());

    const error = await outcomeOf(streamSSE(url, body, ear.callbacks, undefined, { fetch, headers }));

    expect([error?.code, error?.message]).toEqual(["http", "The request cannot be sent as it is."]);
    expect(error?.cause).toBeInstanceOf(TypeError);
    expect(ear.heard).toEqual([["error", error]]);
    expect(asked).toEqual([]);
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
