// What becomes of a response in the background that another gateway wishes to be ended.

import { expect, test } from "bun:test";
import { createBackgroundResponses } from "../../../../src/server/responses/background.ts";
import { createStopWishes } from "../../../../src/store/stop-wishes.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

function setStage() {
  const lines: unknown[][] = [];
  const { promise: logged, resolve: noteLogged } = Promise.withResolvers<void>();
  const log = { ...silentLog, error: (...line: unknown[]) => noteLogged(void lines.push(line)) };
  const shared = { wish: async () => {}, take: async (ids: readonly string[]) => ids };
  return { lines, logged, log, wishes: createStopWishes(shared, { log, everyMs: 1 }) };
}

const away = new Error("The store is away");
const line = ["Cannot cancel a response", { responseId: "resp_1" }, away];
const refuse = () => Promise.reject(away);

test("backgroundResponses logs an end that another gateway wishes and that cannot be kept", async () => {
  const { lines, logged, log, wishes } = setStage();
  const background = createBackgroundResponses(log, async () => wishes);
  const { promise: done, resolve: end } = Promise.withResolvers<void>();
  background.follow("resp_1", done, refuse);
  await logged;
  end();
  await background.settled();

  expect(lines[0]).toEqual(line);
});

test("backgroundResponses logs the same of an end that another worker wishes", async () => {
  const { lines, log } = setStage();
  const background = createBackgroundResponses(log, async () => undefined);
  background.follow("resp_1", new Promise(() => {}), refuse);
  await background.stop("resp_1");

  expect(lines).toEqual([line]);
});
