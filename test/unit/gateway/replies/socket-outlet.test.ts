// A reply poured into a socket of the server: what is written when, who waits for whom, and who is given up.

import { describe, expect, test } from "bun:test";
import type { Watched } from "../../../../src/gateway/replies/liveness.ts";
import type { OpenOutlet } from "../../../../src/gateway/replies/reply-outlet.ts";
import { socketBody } from "../../../../src/gateway/replies/socket-outlet.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A server that takes a body as `Bun.serve` does, and a reply that notes what it is told. */
async function startBody() {
  const told: string[] = [];
  const watched = new Set<Watched>();
  let outlet: OpenOutlet | undefined;
  const reply = {
    pourInto(given: OpenOutlet): void {
      outlet = given;
      given.open({ pull: () => told.push("pull"), cancel: () => told.push("cancel") });
    },
    cancel: () => told.push("cancel before"),
  };
  const liveness = {
    now: () => 1000,
    watch: (one: Watched) => void watched.add(one),
    unwatch: (one: Watched) => void watched.delete(one),
    stop() {},
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: () => new Response(socketBody(reply, { liveness, onAbandoned: () => told.push("abandoned") })),
  });
  const read = Promise.withResolvers<void>();
  const received: Uint8Array[] = [];
  let isOpen = true;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port!,
    socket: {
      binaryType: "uint8array",
      open: (opened) => void opened.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
      data: (_, chunk) => void received.push(chunk),
      close() {
        isOpen = false;
        read.resolve();
      },
    },
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };
  await until(() => outlet !== undefined);
  return {
    outlet: outlet!,
    told,
    watched,
    socket,
    until,
    isOpen: () => isOpen,
    text: () => Buffer.concat(received).toString("latin1"),
    read: read.promise,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await server.stop(true);
    },
  };
}

type Started = Awaited<ReturnType<typeof startBody>>;

/** Until the socket takes no more. @returns how many bytes were given */
async function fill({ outlet, socket }: Started): Promise<number> {
  socket.pause();
  const block = new Uint8Array(65_536).fill(120);
  let given = 0;
  for (; outlet.desiredSize! > 0; given += block.length) outlet.enqueue(block);
  return given;
}

/** Bytes of the data, without what frames it. */
const countData = (text: string): number => text.split("x").length - 1;

describe("the body of an answer that goes to a socket", () => {
  test("is sent as it is written, and ends with the reply", async () => {
    await using started = await startBody();
    started.outlet.enqueue(bytes("data: 1\n\n"));
    await started.until(() => started.text().includes("data: 1"));
    started.outlet.enqueue(bytes("data: 2\n\n"));
    started.outlet.close();
    await started.read;
    expect(started.text()).toContain("data: 2\n\n");
    expect(started.text()).toEndWith("0\r\n\r\n");
    expect(started.told).toEqual([]);
  });

  test("wants nothing while its client does not read, and asks when it does; nothing is lost", async () => {
    await using started = await startBody();
    const given = await fill(started);
    expect(started.outlet.desiredSize).toBe(0);
    expect(started.told).toEqual([]);
    started.socket.resume();
    await started.until(() => started.told.length > 0);
    expect(started.told).toEqual(["pull"]);
    expect(started.outlet.desiredSize).toBeGreaterThan(0);
    started.outlet.close();
    await started.read;
    expect(countData(started.text())).toBe(given);
  });

  test("a reply that ends while its client is behind ends when all was sent", async () => {
    await using started = await startBody();
    const given = await fill(started);
    started.outlet.close();
    expect(started.watched.size).toBe(1);
    started.socket.resume();
    await started.read;
    expect(countData(started.text())).toBe(given);
    expect(started.text()).toEndWith("0\r\n\r\n");
    expect(started.watched.size).toBe(0);
    expect(started.told).toEqual([]);
  });

  test("a client that never reads the end is given up", async () => {
    await using started = await startBody();
    await fill(started);
    started.outlet.close();
    const [watched] = started.watched;
    expect(watched).toMatchObject({ pausedAtMs: 1000, lastByteAtMs: undefined });
    watched!.cut();
    expect(started.told).toEqual(["abandoned"]);
    expect(started.watched.size).toBe(0);
  });

  test("a client that leaves is told to the reply, once, and what comes afterwards goes nowhere", async () => {
    await using started = await startBody();
    started.outlet.enqueue(bytes("data: 1\n\n"));
    await started.until(() => started.text().includes("data: 1"));
    started.socket.terminate();
    await started.until(() => started.told.length > 0);
    started.outlet.enqueue(bytes("data: 2\n\n"));
    started.outlet.close();
    expect(started.told).toEqual(["cancel"]);
    expect(started.outlet.desiredSize).toBe(0);
  });

  test("a client that leaves while it is behind the end leaves no watch", async () => {
    await using started = await startBody();
    await fill(started);
    started.outlet.close();
    started.socket.terminate();
    await started.until(() => started.watched.size === 0);
    expect(started.told).toEqual([]);
  });
});
