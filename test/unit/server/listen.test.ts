// The socket against clients that are slow on purpose. What the rest of the edge does: create-server.test.ts.

import { afterAll, expect, test } from "bun:test";
import { listen } from "../../../src/server/listen.ts";
import { speakRaw } from "../../support/hostile/speak-raw.ts";

const server = listen({ hostname: "127.0.0.1", port: 0, idleTimeoutSeconds: 4 }, async (request) => {
  const body = await request.bytes();
  return new Response(`${body.length} bytes`);
});
afterAll(() => server.stop(true));

const head = "POST / HTTP/1.1\r\nHost: a\r\n";

test.concurrent.each([
  ["a body letter by letter", `${head}Content-Length: 1000\r\n\r\n`, "a"],
  ["a body chunk by chunk", `${head}Transfer-Encoding: chunked\r\n\r\n`, "1\r\na\r\n"],
])(
  "%s is cut off, however alive it looks",
  async (_, bytes, drop) => {
    const drip = { bytes: drop, everyMs: 250 };
    const { isClosed, text, tookMs } = await speakRaw(server.port ?? 0, bytes, { patienceMs: 15_000, drip });

    expect(isClosed).toBe(true);
    expect(text).toBe("");
    expect(tookMs).toBeLessThan(12_000);
  },
  20_000,
);

test.concurrent(
  "a head behind an answer is cut off, header after header",
  async () => {
    const bytes = `GET / HTTP/1.1\r\nHost: a\r\n\r\n${head}`;
    const drip = { bytes: "X-A: a\r\n", everyMs: 250 };
    const { isClosed, text, tookMs } = await speakRaw(server.port ?? 0, bytes, { patienceMs: 15_000, drip });

    expect(isClosed).toBe(true);
    expect(text).toEndWith("0 bytes");
    expect(tookMs).toBeLessThan(12_000);
  },
  20_000,
);

test("a body that comes at once is read", async () => {
  const response = await fetch(server.url, { method: "POST", body: "a".repeat(100_000) });

  expect(await response.text()).toBe("100000 bytes");
});
