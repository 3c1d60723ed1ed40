// Connections that the other side has closed while they were kept: a POST on one of them is repeated once, and only then.

import { describe, expect, test } from "bun:test";
import { createFetchClient } from "../../../src/outbound/fetch-client.ts";
import type { HttpClient } from "../../../src/outbound/http-client.ts";
import { readText } from "../../../src/outbound/http-client.ts";

const never = new AbortController().signal;
const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/** Answers as many requests of a connection as it is told; the next one finds the connection closed. */
function serveRaw(answersPerConnection: number) {
  const seen: string[] = [];
  let connections = 0;
  const server = Bun.listen<{ left: number; name: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { left: answersPerConnection, name: ++connections };
      },
      data(socket, bytes) {
        seen.push(`${socket.data.name}: ${bytes.toString().split("\r\n\r\n")[1]}`);
        if (socket.data.left-- > 0) socket.write(answer);
        else socket.terminate();
      },
    },
  });
  return {
    seen,
    url: `http://127.0.0.1:${server.port}/`,
    [Symbol.dispose]: () => server.stop(true),
  };
}

async function post(client: HttpClient, url: string, body: string): Promise<string> {
  const response = await client.send({ method: "POST", url, headers: {}, body, signal: never });
  return readText(response.body, 100, never);
}

describe("createFetchClient", () => {
  test("repeats a POST once that met a kept connection which was closed, over a new one", async () => {
    using server = serveRaw(1);
    const client = createFetchClient(fetch);
    expect(await post(client, server.url, "first")).toBe("ok");
    expect(await post(client, server.url, "second")).toBe("ok");
    expect(server.seen).toEqual(["1: first", "1: second", "2: second"]);
  });

  test("repeats it over a new connection though other kept ones are closed as well", async () => {
    using server = serveRaw(1);
    const client = createFetchClient(fetch);
    const opened = await Promise.all(["a", "b", "c"].map((body) => post(client, server.url, body)));
    expect(opened).toEqual(["ok", "ok", "ok"]);
    const before = server.seen.length;
    expect(await post(client, server.url, "last")).toBe("ok");
    expect(server.seen.slice(before)).toHaveLength(2);
    // Not one of the connections that were kept.
    expect(server.seen.at(-1)).toBe("4: last");
  });

  test("does not repeat what is reset on a connection of its own", async () => {
    using server = serveRaw(0);
    const client = createFetchClient(fetch);
    await expect(post(client, server.url, "only")).rejects.toMatchObject({ kind: "upstream-failed", retryable: true });
    expect(server.seen).toEqual(["1: only"]);
  });

  test("repeats only once, and not at all the next time", async () => {
    let isBroken = false;
    let asked = 0;
    const client = createFetchClient(async () => {
      asked++;
      if (isBroken) throw Object.assign(new TypeError("closed"), { code: "ECONNRESET" });
      return new Response("ok");
    });
    await post(client, "http://one.test/", "works");
    isBroken = true;
    await expect(post(client, "http://one.test/", "x")).rejects.toThrow("the connection was closed");
    expect(asked).toBe(3);
    await expect(post(client, "http://one.test/", "x")).rejects.toThrow("the connection was closed");
    expect(asked).toBe(4);
  });

  test("repeats nothing for a client that has left", async () => {
    let asked = 0;
    const controller = new AbortController();
    const client = createFetchClient(async () => {
      asked++;
      if (asked === 1) return new Response("ok");
      controller.abort(new Error("left"));
      throw Object.assign(new TypeError("closed"), { code: "ECONNRESET" });
    });
    await post(client, "http://one.test/", "works");
    const sent = client.send({ method: "POST", url: "http://one.test/", headers: {}, signal: controller.signal });
    await expect(sent).rejects.toThrow("left");
    expect(asked).toBe(2);
  });

  test("keeps no clock of the transport's own", async () => {
    const options: unknown[] = [];
    const client = createFetchClient(async (_request, given) => {
      options.push(given);
      return new Response("ok");
    });
    await post(client, "http://one.test/", "x");
    // Within the request itself Bun passes it over.
    expect(options).toEqual([{ timeout: false }]);
  });
});
