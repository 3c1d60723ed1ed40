// Bodies as byte sources: one read at a time, none while paused, nothing after a cancel.

import { describe, expect, test } from "bun:test";
import { createFetchClient, fromStream } from "../../../src/outbound/fetch-client.ts";
import { readText } from "../../../src/outbound/http-client.ts";

const never = new AbortController().signal;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function counted(pieces: readonly string[]) {
  const state = { pulls: 0, cancelled: false };
  const left = [...pieces];
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        state.pulls++;
        const piece = left.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(bytes(piece));
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, state };
}

describe("fromStream", () => {
  test("delivers every chunk, then the end", async () => {
    expect(await readText(fromStream(counted(["a", "b", "c"]).stream), 100, never)).toBe("abc");
  });

  test("reads nothing while it is paused", async () => {
    const { stream, state } = counted(["a", "b", "c"]);
    const source = fromStream(stream);
    const heard: string[] = [];
    const ended = Promise.withResolvers<void>();
    const paused = Promise.withResolvers<void>();
    source.start({
      chunk(chunk) {
        heard.push(new TextDecoder().decode(chunk));
        if (heard.length > 1) return;
        source.pause();
        paused.resolve();
      },
      end: ended.resolve,
      fail: ended.reject,
    });
    await paused.promise;
    expect([heard, state.pulls]).toEqual([["a"], 1]);
    source.resume();
    await ended.promise;
    expect(heard).toEqual(["a", "b", "c"]);
  });

  test("cancels its stream and is silent from then on", async () => {
    const { stream, state } = counted(["a", "b"]);
    const source = fromStream(stream);
    const first = Promise.withResolvers<void>();
    const heard: string[] = [];
    source.start({
      chunk() {
        heard.push("chunk");
        source.cancel();
        first.resolve();
      },
      end: () => void heard.push("end"),
      fail: () => void heard.push("fail"),
    });
    await first.promise;
    await Promise.resolve();
    expect([heard, state.cancelled]).toEqual([["chunk"], true]);
  });

  test("tells a failure once", async () => {
    const source = fromStream(new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) }));
    await expect(readText(source, 100, never)).rejects.toMatchObject({ kind: "upstream-failed", retryable: true });
  });
});

describe("readText", () => {
  test("gives up beyond its bound and keeps what came", async () => {
    const { stream, state } = counted(["abc", "def", "ghi"]);
    expect(await readText(fromStream(stream), 4, never)).toBe("abcdef");
    expect(state.cancelled).toBe(true);
  });

  test("joins characters that are cut between chunks", async () => {
    const [head, tail] = [bytes("😀").slice(0, 2), bytes("😀").slice(2)];
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(head);
        controller.enqueue(tail);
        controller.close();
      },
    });
    expect(await readText(fromStream(stream), 100, never)).toBe("😀");
  });
});

describe("createFetchClient", () => {
  test("turns a refused connection into a sentence without address or stack [R2-055]", async () => {
    const client = createFetchClient(fetch);
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const url = server.url.href;
    await server.stop(true);
    const sent = client.send({ method: "GET", url, headers: {}, signal: never });
    await expect(sent).rejects.toMatchObject({
      kind: "upstream-failed",
      retryable: true,
      message: "Cannot reach the upstream: nothing answers at its address",
    });
  });

  test("throws the signal's own reason when it is aborted", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Promise<Response>(() => {}) });
    const reason = new Error("left");
    const controller = new AbortController();
    const sent = createFetchClient(fetch).send({
      method: "GET",
      url: server.url.href,
      headers: {},
      signal: controller.signal,
    });
    controller.abort(reason);
    await expect(sent).rejects.toBe(reason);
    await server.stop(true);
  });
});
