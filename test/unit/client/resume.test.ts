// Coming back to a stream whose connection dropped: nothing twice, nothing lost, and an honest end where that cannot be.

import { describe, expect, test } from "bun:test";
import { connectSSE, resumeSSE, type SSEError, type SSEOptions, streamSSE } from "../../../src/client/client.ts";
import { allHeard, events, startChatServer, streamId, withoutReconnects } from "./chat-server.ts";
import {
  createEar,
  eventStreamHead,
  frame,
  hastyTimers,
  ManualTimers,
  openStream,
  scriptedFetch,
  settle,
  streamOf,
} from "./stage.ts";

const options: SSEOptions = { resume: true, timers: hastyTimers, log: () => {} };

describe("streamSSE with resume", () => {
  test("asks the server to go on, and comes back behind the last event [R3-070] [R3-077]", async () => {
    const ear = createEar();
    const beforeDrop = () => ear.until(4);
    await using server = await startChatServer(events, [{ afterEvents: 4 }], { beforeDrop });

    await streamSSE(server.url, { message: "Count" }, ear.callbacks, undefined, options);

    expect(withoutReconnects(ear.heard)).toEqual(allHeard);
    expect(server.requests).toEqual([
      { method: "POST", lastEventId: null, body: { message: "Count", resumable: true } },
      { method: "GET", lastEventId: "4", body: undefined },
    ]);
  });

  test("learns the stream's id from the first metadata, where no header tells it [R3-077]", async () => {
    await using server = await startChatServer(events, [{ afterEvents: 3, strayBytes: 9 }], { sendsHeader: false });
    const ear = createEar();

    await streamSSE(server.url, { message: "Count" }, ear.callbacks, undefined, options);

    expect(withoutReconnects(ear.heard)).toEqual(allHeard);
  });

  test("takes an end without mark for a drop, and the unfinished event with it [R3-077]", async () => {
    // Cut behind a whole line of JSON, in the middle of a number, and at an end of line.
    const last = frame({ token: "three" }, 5).length;
    for (const strayBytes of [0, 3, 20, last - 2, last - 1]) {
      const ear = createEar();
      const beforeDrop = () => ear.until(4);
      await using server = await startChatServer(events, [{ afterEvents: 4, strayBytes, how: "end" }], { beforeDrop });

      await streamSSE(server.url, {}, ear.callbacks, undefined, options);

      expect(withoutReconnects(ear.heard)).toEqual(allHeard);
      expect(server.requests.map(({ method, lastEventId }) => [method, lastEventId])).toEqual([
        ["POST", null],
        ["GET", "4"],
      ]);
    }
  });

  test("passes over what a server sends again [R3-077]", async () => {
    await using server = await startChatServer(events, [{ afterEvents: 4 }], { ignoresLastEventId: true });
    const ear = createEar();

    await streamSSE(server.url, {}, ear.callbacks, undefined, options);

    expect(withoutReconnects(ear.heard)).toEqual(allHeard);
  });

  test("counts attempts anew when one has brought something", async () => {
    const drops = Array.from({ length: 6 }, () => ({ afterEvents: 1 }));
    const ear = createEar();
    const beforeDrop = (connection: number) => ear.until(connection * 2 + 1);
    await using server = await startChatServer(events, drops, { beforeDrop });

    await streamSSE(server.url, {}, ear.callbacks, undefined, { ...options, maxRetries: 2 });

    expect(withoutReconnects(ear.heard)).toEqual(allHeard);
    expect(new Set(ear.named("reconnect"))).toEqual(new Set(["Reconnecting in 1000ms (attempt 1/1)"]));
  });

  test.each([404, 410])("ends with the server's words when the stream is gone: %d [R3-077]", async (status) => {
    const ear = createEar();
    const beforeDrop = () => ear.until(4);
    await using server = await startChatServer(events, [{ afterEvents: 4 }], { refusesResume: status, beforeDrop });

    const stream = streamSSE(server.url, {}, ear.callbacks, undefined, options);
    const error = await stream.catch((reason: SSEError) => reason);

    expect(error).toMatchObject({ code: "http", status, message: "The stream has expired" });
    expect(withoutReconnects(ear.heard)).toEqual([...allHeard.slice(0, 4), ["error", error]]);
    expect(server.requests).toHaveLength(2);
  });

  test("ends with the network's error when events have no ids to come back by [R3-077]", async () => {
    const answer = openStream({ ...eventStreamHead, "x-stream-id": streamId });
    const { fetch, asked } = scriptedFetch(answer.response, streamOf(frame({ token: "a" }), frame("[DONE]")));
    const ear = createEar();
    const stream = streamSSE("/stream", {}, ear.callbacks, undefined, { ...options, fetch });
    answer.push(frame({ token: "a" }));
    await settle();
    answer.drop();

    const error = await stream.catch((reason: SSEError) => reason);

    expect(error).toMatchObject({ code: "network" });
    expect(ear.heard).toEqual([
      ["token", "a"],
      ["error", error],
    ]);
    expect(asked).toHaveLength(1);
  });

  test("comes back from silence, too: to ask for the rest repeats nothing", async () => {
    const timers = new ManualTimers();
    const answer = openStream({ ...eventStreamHead, "x-stream-id": streamId });
    const { fetch, asked } = scriptedFetch(answer.response, streamOf(frame({ token: "b" }, 2), frame("[DONE]", 3)));
    const ear = createEar();
    const stream = streamSSE("/stream", {}, ear.callbacks, undefined, { ...options, fetch, timers });
    answer.push(frame({ token: "a" }, 1));
    await timers.advance(60_000);
    await timers.advance(1000);

    await stream;

    expect(ear.named("token")).toEqual(["a", "b"]);
    expect(asked.map(({ url, method }) => [method, url])).toEqual([
      ["POST", "/stream"],
      ["GET", `/stream/${streamId}`],
    ]);
  });

  test("comes back for all when the connection dropped before the first event", async () => {
    await using server = await startChatServer(events, [{ afterEvents: 0, strayBytes: 12 }]);
    const ear = createEar();

    await streamSSE(server.url, {}, ear.callbacks, undefined, options);

    expect(withoutReconnects(ear.heard)).toEqual(allHeard);
    expect(server.requests.map(({ method, lastEventId }) => [method, lastEventId])).toEqual([
      ["POST", null],
      ["GET", null],
    ]);
  });

  test("is complete when the server says that nothing is left [R3-085]", async () => {
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(
      streamOf(frame({ metadata: { stream_id: streamId } }, 1), frame({ token: "a" }, 2)),
      new Response(null, { status: 204 }),
    );

    await streamSSE("/stream", {}, ear.callbacks, undefined, { ...options, fetch });

    expect(ear.named("token")).toEqual(["a"]);
    expect(ear.named("complete")).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  test("is complete without a mark where the server keeps no streams [R3-040]", async () => {
    const { fetch } = scriptedFetch(streamOf(frame({ token: "a" })));
    const ear = createEar();

    await streamSSE("/stream", {}, ear.callbacks, undefined, { ...options, fetch });

    expect(ear.heard).toEqual([["token", "a"], ["complete"]]);
  });

  test("asks again for an answer that ended without a word", async () => {
    const { fetch, asked } = scriptedFetch(streamOf(), streamOf(frame({ token: "a" }), frame("[DONE]")));
    const ear = createEar();

    await streamSSE("/stream", {}, ear.callbacks, undefined, { ...options, fetch });

    expect(ear.names()).toEqual(["reconnect", "token", "complete"]);
    expect(asked.map(({ method }) => method)).toEqual(["POST", "POST"]);
  });
});

describe("resumeSSE", () => {
  test("reads a stream that runs from its beginning, or behind an event", async () => {
    await using server = await startChatServer(events);
    const [whole, rest] = [createEar(), createEar()];

    await resumeSSE(server.url, streamId, whole.callbacks, undefined, options);
    await resumeSSE(server.url, streamId, rest.callbacks, undefined, { ...options, lastEventId: "5" });

    expect(whole.heard).toEqual(allHeard);
    expect(rest.heard).toEqual(allHeard.slice(5));
    expect(server.requests.map(({ method }) => method)).toEqual(["GET", "GET"]);
  });

  test("is complete at once where nothing is left behind the event [R3-085]", async () => {
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(new Response(null, { status: 204 }));

    await resumeSSE("/stream", streamId, ear.callbacks, undefined, { ...options, fetch, lastEventId: "9" });

    expect(ear.heard.map(([name]) => name)).toEqual(["complete"]);
    expect(asked).toHaveLength(1);
  });

  test("comes back when the connection drops, and for the rest alone [R3-070] [R3-077]", async () => {
    const ear = createEar();
    const beforeDrop = () => ear.until(4);
    await using server = await startChatServer(events, [{ afterEvents: 4 }], { beforeDrop });

    // Not to be switched off.
    await resumeSSE(server.url, streamId, ear.callbacks, undefined, { ...options, resume: false } as SSEOptions);

    expect(withoutReconnects(ear.heard)).toEqual(allHeard);
    expect(server.requests.map(({ method, lastEventId }) => [method, lastEventId])).toEqual([
      ["GET", null],
      ["GET", "4"],
    ]);
  });

  test("makes three attempts in all unless it is told otherwise [R3-031]", async () => {
    const attempts = async (more: SSEOptions) => {
      const { fetch, asked } = scriptedFetch(new TypeError("refused"));
      const gone = resumeSSE("/stream", streamId, {}, undefined, { ...options, ...more, fetch });
      expect(await gone.catch((error: SSEError) => error)).toMatchObject({ code: "network" });
      return asked.length;
    };

    expect(await attempts({})).toBe(3);
    expect(await attempts({ maxRetries: 2 })).toBe(2);
  });

  test("rejects when the server has it no more", async () => {
    await using server = await startChatServer(events);

    const gone = resumeSSE(server.url, "other", {}, undefined, options);

    expect(await gone.catch((error: SSEError) => error)).toMatchObject({ code: "http", status: 404 });
  });
});

describe("connectSSE", () => {
  test("makes one attempt, with resume too [R3-053]", async () => {
    const ear = createEar();
    const beforeDrop = () => ear.until(4);
    await using server = await startChatServer(events, [{ afterEvents: 4 }], { beforeDrop });

    const stream = connectSSE(server.url, {}, ear.callbacks, undefined, options);

    expect(await stream.catch((error: SSEError) => error)).toMatchObject({ code: "network" });
    expect(ear.names()).toEqual(["metadata", "stage", "token", "token", "error"]);
    expect(server.requests).toHaveLength(1);
  });
});
