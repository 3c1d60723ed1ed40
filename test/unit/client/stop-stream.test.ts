// Ending an answer on the server.

import { describe, expect, test } from "bun:test";
import { type SSEError, stopStream } from "../../../src/client/client.ts";
import { ManualTimers, scriptedFetch } from "./stage.ts";
import { url } from "./stream-stage.ts";

describe("stopStream", () => {
  test("deletes the stream at its address, and says whether it ran", async () => {
    const { fetch, asked } = scriptedFetch(
      Response.json({ stream_id: "a b", stopped: true }),
      Response.json({ stream_id: "a b", stopped: false }),
    );
    const options = { fetch, headers: { authorization: "Bearer key" } };

    expect(await stopStream(`${url}/?key=1`, "a b", options)).toBe(true);
    expect(await stopStream(url, "a b", options)).toBe(false);

    expect(asked.map((one) => [one.method, one.url])).toEqual([
      ["DELETE", `${url}/a%20b?key=1`],
      ["DELETE", `${url}/a%20b`],
    ]);
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer key");
  });

  test("takes a stream that is gone as one that does not run, and rejects otherwise", async () => {
    const answering = (status: number) => scriptedFetch(new Response("", { status })).fetch;

    expect(await stopStream(url, "s", { fetch: answering(404) })).toBe(false);
    expect(await stopStream(url, "s", { fetch: answering(410) })).toBe(false);
    const refused = stopStream(url, "s", { fetch: answering(401) });
    expect(await refused.catch((error: SSEError) => [error.code, error.status])).toEqual(["http", 401]);
  });

  test("waits no longer than its timeout", async () => {
    const timers = new ManualTimers();
    const stopped = stopStream(url, "s", { fetch: scriptedFetch("silence").fetch, timers, timeout: 500 });
    const outcome = stopped.catch((error: SSEError) => error.code);
    await timers.advance(500);

    expect(await outcome).toBe("timeout");
    expect(timers.pending).toBe(0);
  });
});
