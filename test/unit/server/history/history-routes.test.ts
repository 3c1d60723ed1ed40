// The export of the history: as fast as it is read, and no further.

import { expect, setDefaultTimeout, test } from "bun:test";
import { historyRoutes } from "../../../../src/server/history/history-routes.ts";
import type { Trip } from "../../../../src/server/trip.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { contentOf, createHistoryStage } from "../../../support/history-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

async function startExport(count: number) {
  const stage = createHistoryStage({ maxBytes: 64 * 1024 * 1024 });
  for (let index = 0; index < count; index++) {
    stage.add({ requestId: String(index), content: contentOf("a", "b".repeat(60_000)) });
  }
  await stage.history.flush();
  const opened = stage.opened();
  const stopping = new AbortController();
  let reads = 0;
  const store: typeof opened.store = {
    ...opened.store,
    find(caller, id) {
      reads++;
      return opened.store.find(caller, id);
    },
  };
  const routes = historyRoutes({
    open: async () => ({ ...opened, store }),
    keptOf: () => "content",
    log: silentLog,
    keepOpen: () => () => {},
    stopping: stopping.signal,
  });
  const path = "/v1/history/export";
  const request = new Request(`http://localhost${path}`);
  const route = routes.find((one) => one.path === path)!;
  // The other fields of a trip are the edge's business.
  const response = await route.answer({ request, path, caller: "me" } as Trip);
  return { stage, stopping, reader: response.body!.getReader(), reads: () => reads };
}

const decoder = new TextDecoder();

test("an export reads one exchange for each that its reader takes, and one ahead", async () => {
  const { stage, reader, reads } = await startExport(130);
  for (let taken = 0; taken < 60; taken++) {
    const { value } = await reader.read();
    expect(JSON.parse(decoder.decode(value))).toMatchObject({ request_id: String(taken) });
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(reads()).toBeLessThanOrEqual(62);
  await reader.cancel();
  await stage[Symbol.asyncDispose]();

  expect(reads()).toBeLessThanOrEqual(62);
});

test("what is deleted and what ends meanwhile does not end an export", async () => {
  const { stage, reader } = await startExport(120);
  await reader.read();
  const { store } = stage.opened();
  // Also the one where the next page would begin.
  for (const { exchangeId, requestId } of stage.find()) {
    if (Number(requestId) >= 40 && Number(requestId) < 60) store.remove("me", exchangeId);
  }
  stage.add({ requestId: "120" });
  await stage.history.flush();
  const ids: string[] = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    ids.push((JSON.parse(decoder.decode(value)) as { request_id: string }).request_id);
  }
  await stage[Symbol.asyncDispose]();

  expect(ids.slice(0, 39)).toEqual(Array.from({ length: 39 }, (_, index) => String(index + 1)));
  expect(ids.slice(39)).toEqual(Array.from({ length: 61 }, (_, index) => String(index + 60)));
});

test("an export ends with an error when the gateway stops, not as if it were whole", async () => {
  const { stage, stopping, reader } = await startExport(120);
  await reader.read();
  stopping.abort(new Error("stopping"));
  const readAll = async () => {
    while (!(await reader.read()).done);
  };

  await expect(readAll()).rejects.toThrow("stopping");
  await stage[Symbol.asyncDispose]();
});
