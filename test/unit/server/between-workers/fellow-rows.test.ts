// The lists of other workers' feeds: the newest of each, for as long as it runs and somebody reads it.

import { expect, test } from "bun:test";
import { createFellowRows } from "../../../../src/server/between-workers/fellow-rows.ts";
import { passportOf } from "../../../../src/server/between-workers/passport.ts";
import type { Trip } from "../../../../src/server/trip.ts";
import type { Fellow, FellowRequest } from "../../../../src/workers/fellows.ts";
import { until } from "../../../support/until.ts";

const trip: Trip = {
  request: new Request("http://gateway.example/api/feed"),
  requestId: "req_1",
  path: "/api/feed",
  startedAtMs: 0,
  clientAddress: "192.0.2.7",
  caller: "key:a",
  answerHeaders: undefined,
};

/** A worker that tells what a test says. */
class ToldFellow implements Fellow {
  readonly name: string;
  readonly asked: (FellowRequest & { readonly path: string })[] = [];
  #controller: ReadableStreamDefaultController<string> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  readonly send = async (path: string, request: FellowRequest): Promise<Response> => {
    this.asked.push({ ...request, path });
    const frames = new ReadableStream<string>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    return new Response(frames.pipeThrough(new TextEncoderStream()));
  };

  tell(part: object): void {
    this.#controller?.enqueue(`id: 1\ndata: ${JSON.stringify(part)}\n\n`);
  }

  end(): void {
    this.#controller?.close();
  }
}

function createStage() {
  const [one, two] = [new ToldFellow("1"), new ToldFellow("2")];
  const reader = new AbortController();
  const others: Fellow[] = [one, two];
  let isHeard = true;
  const fellows = {
    others: () => others,
    onRoster: () => () => {
      isHeard = false;
    },
  };
  const rows = createFellowRows(fellows, trip, reader.signal);
  const ids = () => rows("streams").map((row) => row["stream_id"]);
  return { one, two, others, reader, rows, ids, isHeard: () => isHeard };
}

test("createFellowRows asks every other worker for the same, in the name of who reads it", () => {
  const { one, two, reader } = createStage();

  expect([one, two].map(({ asked }) => asked.map(({ path, method }) => [method, path]))).toEqual([
    [["GET", "/api/feed"]],
    [["GET", "/api/feed"]],
  ]);
  const { headers } = one.asked[0]!;
  expect(passportOf(new Request("http://worker/api/feed", { headers })).caller).toBe("key:a");
  reader.abort();
});

test("createFellowRows gives the newest list of each, and none of one that has ended", async () => {
  const { one, two, others, reader, rows, ids } = createStage();
  one.tell({ streams: [{ stream_id: "a" }] });
  one.tell({ accounts: [{ id: "x" }] });
  two.tell({ streams: [{ stream_id: "b" }] });
  await until(() => ids().length === 2);
  one.tell({ streams: [{ stream_id: "a" }, { stream_id: "c" }] });
  await until(() => ids().length === 3);
  expect(ids().toSorted()).toEqual(["a", "b", "c"]);
  expect(rows("accounts")).toEqual([{ id: "x" }]);
  others.shift();
  one.end();

  await until(() => ids().length === 1);
  expect(ids()).toEqual(["b"]);
  reader.abort();
});

test("createFellowRows leaves the others when its reader does", () => {
  const { one, two, reader, isHeard } = createStage();

  reader.abort();

  expect([one, two].map(({ asked }) => asked[0]?.signal.aborted)).toEqual([true, true]);
  expect(isHeard()).toBe(false);
});
