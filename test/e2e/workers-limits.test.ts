// What holds for all workers together, with the compiled executable: limits, keys, metrics.

import { expect, setDefaultTimeout, test } from "bun:test";
import { runBinary } from "../support/binary.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { connectTo, connectToAll, type WorkerConnection } from "../support/worker-connections.ts";
import { bearer, chatAnywhere, chatOver, count, pidsOf, startWorkers, user } from "./workers-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

test("a limit of requests is one limit, and a key that is revoked is refused by all with their next request [R2-080] [R2-081]", async () => {
  await using stage = await startWorkers({ environment: { API_KEY: "of-the-settings" } });
  const keys = async (...words: string[]) => runBinary(["keys", ...words], {}, stage.place);
  const key = (await keys("create", "many", "--rpm", "60")).output.trim();
  const connections = await connectToAll(stage.gateway.url, count);
  const startedAtMs = Date.now();
  const answers = await Promise.all(
    Array.from({ length: 150 }, () => chatAnywhere(stage, [user("Say: fine")], { authorization: `Bearer ${key}` })),
  );
  const minutes = Math.floor(Date.now() / 60_000) - Math.floor(startedAtMs / 60_000);
  const through = answers.filter(({ status }) => status === 200).length;
  await Promise.all(answers.map((answer) => answer.text()));
  // Where a minute ends in the middle of it, as much again may come.
  if (minutes === 0) expect(through).toBe(60);
  expect(through).toBeLessThanOrEqual(60 + 60 * minutes);

  const other = (await keys("create", "other")).output.trim();
  for (const connection of connections) {
    expect(await chatOver(connection, [user("Say: fine")], bearer(other))).toBe("fine");
  }
  await keys("revoke", "other");
  for (const connection of connections) {
    const refused = await connection.post("/v1/chat/completions", { messages: [user("Say: no")] }, bearer(other));
    expect([refused.status, (await refused.text()).includes("was revoked")]).toEqual([401, true]);
    connection[Symbol.dispose]();
  }
});

test("limits of a process are divided, and together what the settings say", async () => {
  await using stage = await startWorkers({ environment: { MAX_STREAMS: "4" } });
  await stage.emulator.script(
    ...Array.from({ length: 20 }, () => ({ gate: "g", reply: { chunks: ["begun", " and", " ended"] } })),
  );
  const connections = await Promise.all(
    Array.from({ length: 9 }, (_, index) => connectTo(stage.gateway.url, (index % 3) + 1)),
  );
  const answers = connections.map((connection) =>
    connection.post("/v1/chat/completions", { messages: [user("hello")], stream: true }),
  );
  await stage.emulator.until((all) => all.filter(({ on }) => on === "completions").length === 4);
  await stage.emulator.release("g", "all");
  const statuses = (await Promise.all(answers)).map(({ status }) => status);

  expect(statuses.filter((status) => status === 200)).toHaveLength(4);
  expect(statuses.filter((status) => status === 503)).toHaveLength(5);
  const health = (await (await stage.get("/health/detailed")).json()) as { config: { MAX_STREAMS: number } };
  expect(health.config.MAX_STREAMS).toBe(4);
  for (const connection of connections) connection[Symbol.dispose]();
});

test("the metrics are those of all, at whichever worker they are read, and stay when a worker dies", async () => {
  await using stage = await startWorkers();
  const connections = await connectToAll(stage.gateway.url, count);
  for (const [index, connection] of connections.entries()) {
    for (let turn = 0; turn <= index; turn++) await chatOver(connection, [user("Say: fine")]);
  }
  const read = async (connection: WorkerConnection) => parseMetrics(await (await connection.send("/metrics")).text());
  for (const connection of connections) {
    const samples = await read(connection);
    expect(sumOf(samples, "qwen_gateway_requests_total", { outcome: "complete" })).toBe(6);
    expect(sumOf(samples, "qwen_gateway_reply_duration_seconds_count")).toBe(6);
    expect(sumOf(samples, "qwen_gateway_workers")).toBe(count);
    expect(sumOf(samples, "qwen_gateway_info")).toBe(1);
    // All tell of the same account.
    expect(sumOf(samples, "qwen_gateway_account_state", { state: "ready" })).toBe(1);
  }
  process.kill(pidsOf(stage)[2]!, "SIGKILL");
  await stage.gateway.line((line) => line.includes("A worker serves again"));
  await chatOver(connections[0]!, [user("Say: fine")]);
  const after = await read(connections[0]!);

  expect(sumOf(after, "qwen_gateway_requests_total", { outcome: "complete" })).toBe(7);
  expect(sumOf(after, "qwen_gateway_reply_duration_seconds_count")).toBe(7);
  expect(sumOf(after, "qwen_gateway_worker_restarts_total")).toBe(1);
  expect(sumOf(after, "qwen_gateway_workers")).toBe(count);
  for (const connection of connections) connection[Symbol.dispose]();
});
