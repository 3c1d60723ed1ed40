// How long a connection lives: as long as its request runs, however quiet it is, and not for ever behind it.

import { expect, test } from "bun:test";
import { type RawAnswer, speakRaw } from "../../support/hostile/speak-raw.ts";
import { createTestServer } from "./test-server.ts";

const idleTimeoutSeconds = 8;
/** The runtime looks at its timeouts every four seconds, and the server eight times in an idle timeout. */
const lateMs = 6000;
const quietMs = 14_000;

const request = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";

/** What comes of one request whose answer takes so long, and of its connection. */
async function ask(quietForMs: number, isStream: boolean): Promise<RawAnswer> {
  const bytes = new TextEncoder().encode("data: end\n\n");
  const { server } = createTestServer({
    idleTimeoutSeconds,
    gateway: {
      async exchange() {
        if (!isStream) {
          await Bun.sleep(quietForMs);
          return new Response("data: end\n\n");
        }
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            await Bun.sleep(quietForMs);
            controller.enqueue(bytes);
            controller.close();
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
    },
  });
  const { port } = server.start();
  try {
    return await speakRaw(port, request, { patienceMs: quietForMs + 25_000 });
  } finally {
    await server.stop();
  }
}

const kinds = [
  ["a stream", true],
  ["a whole answer", false],
] as const;

test.concurrent.each(kinds)(
  "the connection of %s is cut when it is idle behind it",
  async (_, isStream) => {
    const { text, isClosed, tookMs } = await ask(50, isStream);

    expect(text).toContain("data: end\n\n");
    expect(isClosed).toBe(true);
    expect(tookMs).toBeLessThan(idleTimeoutSeconds * 1000 + lateMs);
  },
  30_000,
);

test.concurrent.each(kinds)(
  "the connection of %s that is quiet for longer than the idle timeout is kept",
  async (_, isStream) => {
    const { text, tookMs } = await ask(quietMs, isStream);

    expect(text).toContain("data: end\n\n");
    expect(tookMs).toBeGreaterThan(quietMs);
    expect(tookMs).toBeLessThan(quietMs + idleTimeoutSeconds * 1000 + lateMs);
  },
  45_000,
);
