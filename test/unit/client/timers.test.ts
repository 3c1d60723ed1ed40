// The waits of the client on the real clock, of which the other tests have one by hand.

import { describe, expect, test } from "bun:test";
import { streamSSE } from "../../../src/client/client.ts";
import { systemTimers } from "../../../src/client/timers.ts";
import { frame, openStream, scriptedFetch } from "./stage.ts";

const wait = (ms: number) => new Promise<void>((resolve) => void systemTimers.setTimeout(resolve, ms));

describe("systemTimers", () => {
  test.each([Number.POSITIVE_INFINITY, 2_147_483_648, 3_000_000_000])(
    "are not over at once after %d ms",
    async (ms) => {
      let isOver = false;
      const handle = systemTimers.setTimeout(() => (isOver = true), ms);
      await wait(10);
      systemTimers.clearTimeout(handle);

      expect(isOver).toBe(false);
    },
  );

  test("let a stream be silent, and last, without end [R3-031] [R3-081]", async () => {
    const answer = openStream();
    const { fetch } = scriptedFetch(answer.response);
    const options = { fetch, timeout: Number.POSITIVE_INFINITY, totalTimeout: Number.POSITIVE_INFINITY };

    const stream = streamSSE("/stream", {}, {}, undefined, options);
    await Promise.race([stream, wait(10)]);
    answer.push(frame("[DONE]"));

    await stream;
  });

  test("do not come back at once to a server that asks for a month", async () => {
    const { fetch, asked } = scriptedFetch(
      () => new Response("", { status: 503, headers: { "retry-after": "2592000" } }),
    );
    const controller = new AbortController();
    const announced: string[] = [];
    const onReconnect = (message: string) => void announced.push(message);

    const stream = streamSSE("/stream", {}, { onReconnect }, controller.signal, { fetch });
    await Promise.race([stream, wait(10)]);
    controller.abort();

    await expect(stream).rejects.toMatchObject({ code: "aborted" });
    expect(announced).toEqual(["Reconnecting in 2592000000ms (attempt 1/2)"]);
    expect(asked).toHaveLength(1);
  });
});
