// Reconnections: how many, after how long, how they are announced, and that they bring the rest.

import { describe, expect, test } from "bun:test";
import { type ReconnectOptions, type SSEError, streamWithReconnect } from "../../../src/client/client.ts";
import { allHeard, events, path, startChatServer, streamId, withoutReconnects } from "./chat-server.ts";
import {
  type Answers,
  createEar,
  dropped,
  eventStreamHead,
  frame,
  hastyTimers,
  ManualTimers,
  openStream,
  scriptedFetch,
  settle,
  streamOf,
} from "./stage.ts";

describe("streamWithReconnect", () => {
  function begin(answers: Answers, more: ReconnectOptions = {}) {
    const timers = new ManualTimers();
    const ear = createEar();
    const { fetch, asked } = scriptedFetch(...answers);
    const stream = streamWithReconnect(path, { message: "Count" }, ear.callbacks, undefined, {
      fetch,
      timers,
      ...more,
    });
    const outcome = stream.then(
      () => undefined,
      (error: SSEError) => error,
    );
    return { ...ear, timers, asked, outcome };
  }

  test("tries five times more after 1, 2, 4, 8, 16 s, announces each, and says that it gave up [R3-067] [R3-068] [R3-069]", async () => {
    const { timers, asked, outcome, heard } = begin([dropped()]);
    const startsMs: number[] = [];
    for (let second = 0; second <= 40; second += 1) {
      await timers.advance(second === 0 ? 0 : 1000);
      if (asked.length > startsMs.length) startsMs.push(timers.nowMs);
    }

    const error = await outcome;

    expect(startsMs).toEqual([0, 1000, 3000, 7000, 15_000, 31_000]);
    expect(heard).toEqual([
      ["reconnect", "Reconnecting in 1000ms (attempt 1/5)"],
      ["reconnect", "Reconnecting in 2000ms (attempt 2/5)"],
      ["reconnect", "Reconnecting in 4000ms (attempt 3/5)"],
      ["reconnect", "Reconnecting in 8000ms (attempt 4/5)"],
      ["reconnect", "Reconnecting in 16000ms (attempt 5/5)"],
      ["error", error],
    ]);
    expect(error).toMatchObject({ code: "network", message: "Max reconnection attempts reached" });
    expect(error?.cause).toMatchObject({ message: "Network error. Please check your connection." });
  });

  test("tells the log what no callback hears of [R3-068]", async () => {
    const logged: string[] = [];
    const { fetch } = scriptedFetch(dropped(), streamOf(frame("[DONE]")));

    await streamWithReconnect(path, {}, {}, undefined, {
      fetch,
      timers: hastyTimers,
      log: (message) => logged.push(message),
    });

    expect(logged).toEqual(["Reconnecting in 1000ms (attempt 1/5)"]);
  });

  test("counts from one again after a success [R3-067]", async () => {
    const first = openStream({ ...eventStreamHead, "x-stream-id": streamId });
    const { timers, outcome, named } = begin([
      dropped(),
      dropped(),
      first.response,
      dropped(),
      streamOf(frame({ token: "b" }, 2), frame("[DONE]", 3)),
    ]);
    await timers.advance(3000);
    first.push(frame({ token: "a" }, 1));
    await settle();
    first.drop();
    await timers.advance(3000);

    expect(await outcome).toBeUndefined();
    expect(named("token")).toEqual(["a", "b"]);
    expect(named("reconnect")).toEqual([
      "Reconnecting in 1000ms (attempt 1/5)",
      "Reconnecting in 2000ms (attempt 2/5)",
      "Reconnecting in 1000ms (attempt 1/5)",
      "Reconnecting in 2000ms (attempt 2/5)",
    ]);
  });

  test("completes a stream whose connection a server drops once [R3-070]", async () => {
    await using server = await startChatServer(events, [{ afterEvents: 5 }]);
    const ear = createEar();

    await streamWithReconnect(server.url, { message: "Count" }, ear.callbacks, undefined, { timers: hastyTimers });

    expect(withoutReconnects(ear.heard)).toEqual(allHeard);
  });

  test("leaves what cannot be mended at its own error", async () => {
    const { outcome, asked } = begin([new Response('{"message":"Sign in"}', { status: 401 })]);

    expect(await outcome).toMatchObject({ code: "http", message: "Sign in" });
    expect(asked).toHaveLength(1);
  });
});
