// The folder of captures: what stays in it within its budget, also where several processes write to it.

import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryBudget } from "../../../src/capture/budget.ts";
import { createCover } from "../../../src/capture/cover-secrets.ts";
import { ExchangeCapture } from "../../../src/capture/exchange-capture.ts";
import { createSpool, type Writer } from "../../../src/capture/spool.ts";
import { createLog } from "../../../src/telemetry/create-log.ts";

function createFolder() {
  const directory = mkdtempSync(join(tmpdir(), "qwen-gateway-spool-"));
  return {
    directory,
    /** Ids of the requests in it, the oldest first. */
    ids: () =>
      readdirSync(directory)
        .sort()
        .map((name) => /req_\d+/.exec(name)?.[0]),
    open(writer: Writer | undefined, maxBytes: number) {
      const log = createLog({ level: "error", format: "json", write: () => {} });
      return createSpool({ directory, maxBytes, writer, cover: createCover([]), gateway: "0", log });
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Each file has some 1300 bytes. */
function capture(second: number): ExchangeCapture {
  const exchange = new ExchangeCapture({
    requestId: `req_${second}`,
    startedAtMs: second * 1000,
    maxBytes: 10_000,
    budget: new MemoryBudget(10_000),
    now: () => 0,
    onQuiet() {},
    onBusy() {},
  });
  exchange.bytes("request", Buffer.alloc(1000, "a"));
  exchange.close("ended");
  return exchange;
}

const writers = [1, 2, 3].map((number) => ({ number, count: 3 }));

test("what several processes have written stays when they start anew, within the budget of all", async () => {
  using folder = createFolder();
  for (const [index, writer] of writers.entries()) {
    const spool = folder.open(writer, 4000);
    spool.put(capture(10 + index));
    spool.put(capture(20 + index));
    await spool.settled();
  }

  for (const [index, writer] of writers.entries()) {
    const spool = folder.open(writer, 4000);
    spool.put(capture(30 + index));
    await spool.settled();
  }

  expect(folder.ids()).toHaveLength(9);
});

test("one process that starts anew makes room by its own files alone", async () => {
  using folder = createFolder();
  for (const [index, writer] of writers.entries()) {
    const spool = folder.open(writer, 3000);
    spool.put(capture(10 + index));
    spool.put(capture(20 + index));
    await spool.settled();
  }

  const spool = folder.open(writers[1], 3000);
  spool.put(capture(30));
  await spool.settled();

  expect(folder.ids()).toEqual(["req_10", "req_12", "req_20", "req_21", "req_22", "req_30"]);
});

test.each([
  ["of more processes", writers],
  ["of one alone", [undefined]],
])("files %s before are those of one of two now", async (_, former) => {
  using folder = createFolder();
  for (const [index, writer] of former.entries()) {
    const spool = folder.open(writer, 100_000);
    spool.put(capture(10 + index));
    await spool.settled();
  }

  for (const number of [1, 2]) {
    const spool = folder.open({ number, count: 2 }, 1);
    spool.put(capture(30));
    await spool.settled();
  }

  expect(folder.ids()).toEqual([]);
});

test("one process counts all files, whoever has written them", async () => {
  using folder = createFolder();
  for (const [index, writer] of writers.entries()) {
    const spool = folder.open(writer, 100_000);
    spool.put(capture(10 + index));
    await spool.settled();
  }

  const spool = folder.open(undefined, 3000);
  spool.put(capture(30));
  await spool.settled();

  expect(folder.ids()).toEqual(["req_12", "req_30"]);
});
