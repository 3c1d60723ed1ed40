// The own transport against real sockets: the same exchanges as `fetch`, and what only sockets can do.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ByteSource } from "../../../src/contract/byte-source.ts";
import { createFetchClient } from "../../../src/outbound/fetch-client.ts";
import { type HttpClient, type OutboundRequest, readText } from "../../../src/outbound/http-client.ts";
import { createTcpClient } from "../../../src/outbound/tcp-client.ts";
import { certificate, otherCertificate } from "./certificates.ts";

const never = new AbortController().signal;

function get(url: string, changes: Partial<OutboundRequest> = {}): OutboundRequest {
  return { method: "GET", url, headers: {}, signal: never, ...changes };
}

/** A server that answers each connection's requests with bytes of the test's choice. */
function rawServer(
  onRequest: (socket: { write(text: string): void; end(): void; terminate(): void }, count: number) => void,
) {
  const state = { connections: 0, requests: 0, closed: 0 };
  const closed = Promise.withResolvers<void>();
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: () => void state.connections++,
      data(socket) {
        state.requests++;
        onRequest(
          {
            write: (text) => void socket.write(text),
            end: () => void socket.end(),
            terminate: () => socket.terminate(),
          },
          state.requests,
        );
      },
      close() {
        state.closed++;
        closed.resolve();
      },
    },
  });
  return {
    state,
    closed: closed.promise,
    url: `http://127.0.0.1:${server.port}/`,
    [Symbol.dispose]: () => server.stop(true),
  };
}

/** Resolves with the first chunk, the source paused behind it. */
function firstChunk(body: ByteSource): Promise<string> {
  return new Promise((resolve, reject) => {
    body.start({
      chunk(bytes) {
        body.pause();
        resolve(new TextDecoder().decode(bytes));
      },
      end: () => reject(new Error("ended")),
      fail: reject,
    });
  });
}

describe("createTcpClient", () => {
  test("sends method, path, headers and body, and reads status, headers and body", async () => {
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const { pathname, search } = new URL(request.url);
        const seen = {
          method: request.method,
          path: pathname + search,
          header: request.headers.get("x-a"),
          body: await request.text(),
        };
        return Response.json(seen, { status: 201, headers: { "x-b": "2" } });
      },
    });
    const response = await createTcpClient().send(
      get(`${server.url.href}a/b?c=d`, { method: "POST", headers: { "x-a": "1" }, body: "π" }),
    );
    expect([response.status, response.headers.get("x-b")]).toEqual([201, "2"]);
    expect(JSON.parse(await readText(response.body, 1000, never))).toEqual({
      method: "POST",
      path: "/a/b?c=d",
      header: "1",
      body: "π",
    });
  });

  test("uses a connection again when an answer was whole, and one for each credential [R2-051]", async () => {
    using server = rawServer((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    const client = createTcpClient();
    for (let count = 0; count < 5; count++) await readText((await client.send(get(server.url))).body, 10, never);
    expect(server.state.connections).toBe(1);
    await readText(
      (await client.send(get(server.url, { headers: { authorization: "Bearer other" } }))).body,
      10,
      never,
    );
    expect(server.state).toMatchObject({ connections: 2, requests: 6 });
    const lastingHeaders = { authorization: "Bearer third" };
    for (let count = 0; count < 3; count++) {
      await readText((await client.send({ ...get(server.url), lastingHeaders })).body, 10, never);
    }
    expect(server.state).toMatchObject({ connections: 3, requests: 9 });
    client.close();
  });

  test("does not use a connection again on which a request was answered before all of it was written", async () => {
    let connections = 0;
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: () => void connections++,
        data(socket) {
          // The rest of the body is not read.
          socket.pause();
          socket.write("HTTP/1.1 429 Too Many\r\nContent-Length: 2\r\n\r\nno");
        },
      },
    });
    const client = createTcpClient();
    const url = `http://127.0.0.1:${server.port}/`;
    const long = get(url, { method: "POST", body: new Uint8Array(64 * 1024 * 1024) });
    expect(await readText((await client.send(long)).body, 10, never)).toBe("no");
    const next = get(url, { method: "POST", body: "x", signal: AbortSignal.timeout(2000) });
    expect(await readText((await client.send(next)).body, 10, never)).toBe("no");
    expect(connections).toBe(2);
    client.close();
  });

  test("repeats a request once on a new connection when the kept one had been closed", async () => {
    using server = rawServer((socket, count) => {
      if (count === 2) return socket.terminate();
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const client = createTcpClient();
    for (let count = 0; count < 2; count++) {
      const { body } = await client.send(get(server.url, { method: "POST", body: "x" }));
      expect(await readText(body, 10, never)).toBe("ok");
    }
    expect(server.state).toMatchObject({ connections: 2, requests: 3 });
    client.close();
  });

  test("closes a connection behind a request that is the last one on it, and takes none that is kept for that", async () => {
    using server = rawServer((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    const client = createTcpClient();
    const ask = async (changes: Partial<OutboundRequest>): Promise<string> =>
      readText((await client.send(get(server.url, changes))).body, 10, never);

    expect(await ask({})).toBe("ok");
    expect(await ask({ isLast: true })).toBe("ok");
    await server.closed;
    expect(await ask({})).toBe("ok");
    expect(server.state).toMatchObject({ connections: 2, requests: 3, closed: 1 });
    client.close();
  });

  test("does not repeat a request on a connection that was new", async () => {
    using server = rawServer((socket) => socket.terminate());
    await expect(createTcpClient().send(get(server.url))).rejects.toMatchObject({
      kind: "upstream-failed",
      retryable: true,
    });
    expect(server.state.requests).toBe(1);
  });

  test("does not read while it is paused, and loses nothing", async () => {
    const chunkCount = 400;
    const chunk = "x".repeat(65_536);
    let sent = 0;
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              if (sent++ < chunkCount) controller.enqueue(new TextEncoder().encode(chunk));
              else controller.close();
            },
          }),
        ),
    });
    const { body } = await createTcpClient().send(get(server.url.href));
    let received = 0;
    let isPaused = false;
    let whilePaused = 0;
    const ended = Promise.withResolvers<void>();
    const paused = Promise.withResolvers<void>();
    body.start({
      chunk(bytes) {
        if (isPaused) whilePaused++;
        const before = received;
        received += bytes.length;
        if (before >= 1_000_000 || received < 1_000_000) return;
        isPaused = true;
        body.pause();
        paused.resolve();
      },
      end: ended.resolve,
      fail: ended.reject,
    });
    await paused.promise;
    // While nobody reads, other exchanges of the same process go on.
    await using other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("other") });
    const client = createTcpClient();
    for (let count = 0; count < 20; count++) await readText((await client.send(get(other.url.href))).body, 100, never);
    expect(sent).toBeLessThan(chunkCount);
    isPaused = false;
    body.resume();
    await ended.promise;
    expect([received, whilePaused]).toEqual([chunkCount * chunk.length, 0]);
    client.close();
  });

  test("closes its connection when it is cancelled or aborted, before the head and behind it", async () => {
    for (const how of ["cancel", "abort", "abort before the head"] as const) {
      using server = rawServer((socket) => {
        if (how !== "abort before the head")
          socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      });
      const controller = new AbortController();
      const sent = createTcpClient().send(get(server.url, { signal: controller.signal }));
      if (how === "abort before the head") {
        const reason = new Error("left");
        queueMicrotask(() => controller.abort(reason));
        await expect(sent).rejects.toBe(reason);
        continue;
      }
      const { body } = await sent;
      expect(await firstChunk(body)).toBe("hello");
      if (how === "cancel") body.cancel();
      else controller.abort();
      await server.closed;
    }
  });

  test("tells a body that breaks off, also when it broke off before anybody listened", async () => {
    using server = rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
      socket.end();
    });
    const { body } = await createTcpClient().send(get(server.url));
    await server.closed;
    await expect(readText(body, 100, never)).rejects.toMatchObject({ kind: "upstream-failed", retryable: true });
  });

  test.each(["gzip", "br"] as const)("reads a body that a server compresses unasked: %s", async (encoding) => {
    const { gzipSync, brotliCompressSync } = await import("node:zlib");
    const text = "event after event ".repeat(100);
    const packed = encoding === "gzip" ? gzipSync(text) : brotliCompressSync(text);
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response(packed, { headers: { "content-encoding": encoding } }),
    });
    const { headers, body } = await createTcpClient().send(get(server.url.href));
    expect(headers.get("content-encoding")).toBeNull();
    expect(await readText(body, 10_000, never)).toBe(text);
  });

  test("reads a body without length to the end of the connection", async () => {
    using server = rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\nuntil the end");
      socket.end();
    });
    const { body } = await createTcpClient().send(get(server.url));
    expect(await readText(body, 100, never)).toBe("until the end");
  });

  test.each(["chunked", "length"])("hands over bytes that stay as they are (%s)", async (framing) => {
    const size = 3_000_000;
    const piece = (index: number): string => String(index).padStart(8).repeat(1000);
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch() {
        const text = Array.from({ length: size / 8000 }, (_, index) => piece(index)).join("");
        return new Response(framing === "length" ? text : new Blob([text]).stream());
      },
    });
    const { body } = await createTcpClient().send(get(server.url.href));
    const kept: { readonly bytes: Uint8Array; readonly hash: string }[] = [];
    await new Promise<void>((resolve, reject) => {
      body.start({
        chunk: (bytes) => void kept.push({ bytes, hash: String(Bun.hash(bytes)) }),
        end: resolve,
        fail: reject,
      });
    });
    expect(kept.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(size);
    for (const { bytes, hash } of kept) expect(String(Bun.hash(bytes))).toBe(hash);
  });

  test("sends a body that is larger than any buffer", async () => {
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => new Response(String((await request.text()).length)),
    });
    const { body } = await createTcpClient().send(
      get(server.url.href, { method: "POST", body: "y".repeat(20_000_000) }),
    );
    expect(await readText(body, 100, never)).toBe("20000000");
  });

  test("refuses headers that would begin a line of their own", async () => {
    const sent = createTcpClient().send(get("http://127.0.0.1:1/", { headers: { "x-a": "1\r\nx-b: 2" } }));
    await expect(sent).rejects.toMatchObject({ kind: "upstream-failed" });
  });

  test("says that nothing answers", async () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const url = `http://127.0.0.1:${server.port}/`;
    server.stop(true);
    await expect(createTcpClient().send(get(url))).rejects.toThrow("nothing answers at its address");
  });
});

describe.each([
  ["sockets", createTcpClient()],
  ["fetch", createFetchClient(fetch)],
])("what is no HTTP over %s", (_, client) => {
  test("is told as such, and not as a connection that failed", async () => {
    using server = rawServer((socket) => {
      socket.write("SSH-2.0-OpenSSH_9.9\r\n\r\n");
      socket.end();
    });
    await expect(client.send(get(server.url))).rejects.toThrow("its answer is no valid HTTP");
  });
});

describe("createTcpClient over TLS", () => {
  function encrypted(pair: { key: string; cert: string }) {
    return Bun.serve({ hostname: "127.0.0.1", port: 0, tls: pair, fetch: () => new Response("secret") });
  }

  test("reads from a server whose certificate is trusted", async () => {
    await using server = encrypted(certificate);
    const url = `https://localhost:${server.port}/`;
    const { body } = await createTcpClient({ ca: certificate.cert }).send(get(url));
    expect(await readText(body, 100, never)).toBe("secret");
  });

  test("refuses one that nobody vouches for, and one of another name", async () => {
    await using server = encrypted(certificate);
    await using other = encrypted(otherCertificate);
    const untrusted = createTcpClient().send(get(`https://localhost:${server.port}/`));
    await expect(untrusted).rejects.toMatchObject({ kind: "upstream-failed" });
    const misnamed = createTcpClient({ ca: otherCertificate.cert }).send(get(`https://localhost:${other.port}/`));
    await expect(misnamed).rejects.toMatchObject({ kind: "upstream-failed" });
  });

  test("gives up on a peer that never answers the handshake", async () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const client = createTcpClient({ connectTimeoutMs: 50 });
    await expect(client.send(get(`https://localhost:${server.port}/`))).rejects.toMatchObject({
      kind: "upstream-failed",
      message: "Cannot reach the upstream: no connection could be made in time",
    });
    server.stop(true);
  });
});

test("createTcpClient hears the same as fetch of any answer", async () => {
  let answer = "";
  using server = rawServer((socket) => {
    socket.write(answer);
    socket.end();
  });
  const told = async (client: HttpClient): Promise<unknown> => {
    try {
      const { status, headers, body } = await client.send(get(server.url));
      return { status, type: headers.get("content-type"), body: await readText(body, 100_000, never) };
    } catch {
      return "failed";
    }
  };
  const anyBody = fc.string({ maxLength: 60 });
  const byLength = anyBody.map((body) => `Content-Length: ${new TextEncoder().encode(body).length}\r\n\r\n${body}`);
  const tooShort = anyBody.map((body) => `Content-Length: ${new TextEncoder().encode(body).length + 3}\r\n\r\n${body}`);
  const byChunks = anyBody.map((body) => {
    const size = new TextEncoder().encode(body).length;
    return `Transfer-Encoding: chunked\r\n\r\n${size > 0 ? `${size.toString(16)}\r\n${body}\r\n` : ""}0\r\n\r\n`;
  });
  const cutChunks = byChunks.map((text) => text.slice(0, -4));
  const rest = fc.oneof(byLength, byChunks, tooShort, cutChunks);
  const head = fc.constantFrom(
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n",
    "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n",
    "HTTQ/1.1 200 OK\r\n",
  );
  await fc.assert(
    fc.asyncProperty(head, rest, async (first, second) => {
      answer = `${first}Connection: close\r\n${second}`;
      expect(await told(createTcpClient())).toEqual(await told(createFetchClient(fetch)));
    }),
    { numRuns: 150 },
  );
});
