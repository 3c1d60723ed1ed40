// What holds for all workers together, with the compiled executable: limits, keys, metrics.

import { expect, setDefaultTimeout, test } from "bun:test";
import { eventually, runBinary } from "../support/binary.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { accessToken, cookiesOf } from "../support/tokens.ts";
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

test("what was used of a limit is forgotten by all when an administrator says so at one", async () => {
  const environment = { API_KEY: "mine", ADMIN_KEY: "of-admin", LIMIT_TOKENS_PER_DAY: "1" };
  await using stage = await startWorkers({ environment });
  const connections = await connectToAll(stage.gateway.url, count);
  const ask = async (connection: WorkerConnection) =>
    (await connection.post("/v1/chat/completions", { messages: [user("Say: fine")] }, bearer("mine"))).status;
  expect(await ask(connections[0]!)).toBe(200);
  for (const connection of connections) {
    await eventually(
      async () => ((await ask(connection)) === 429 ? true : undefined),
      () => `worker ${connection.worker} refuses`,
    );
  }
  const listed = await connections[2]!.send("/admin/api/limits", { headers: bearer("of-admin") });
  const { data } = (await listed.json()) as { data: { caller: string }[] };
  const order = { caller: data[0]?.caller };
  const reset = await connections[2]!.post("/admin/api/limits/reset", order, bearer("of-admin"));
  expect(reset.status).toBe(200);

  await eventually(
    async () => ((await ask(connections[1]!)) === 200 ? true : undefined),
    () => "worker 2 serves again",
  );
  for (const connection of connections) connection[Symbol.dispose]();
});

test("a token that is dying is renewed once for all workers, and all use the new one", async () => {
  const token = accessToken("ann", 60_000);
  await using stage = await startWorkers({ environment: { QWEN_TOKEN: "", QWEN_COOKIES: cookiesOf("ann", token) } });
  const connections = await connectToAll(stage.gateway.url, count);
  const answers = await Promise.all(connections.map((connection) => chatOver(connection, [user("Say: fine")])));
  await Promise.all(connections.map((connection) => chatOver(connection, [user("Say: again")])));

  expect(answers).toEqual(["fine", "fine", "fine"]);
  expect(await stage.emulator.requests("refresh")).toHaveLength(1);
  const used = new Set((await stage.emulator.turns()).map(({ record }) => record.headers["authorization"]));
  expect(used.size).toBe(1);
  expect(used.has(`Bearer ${token}`)).toBe(false);
  for (const connection of connections) connection[Symbol.dispose]();
});

test("what is kept by one worker is there for the others: sessions, responses, files, the history", async () => {
  await using stage = await startWorkers({ environment: { HISTORY: "content" } });
  const [first, second, third] = await connectToAll(stage.gateway.url, count);
  const jsonOf = async (answer: Promise<Response>) => (await (await answer).json()) as Record<string, unknown>;
  await chatOver(first!, [user("Say: hello there")], { "x-session-id": "s-shared" });
  const response = await jsonOf(first!.post("/v1/responses", { model: "qwen3-max", input: "My name is Ada." }));
  const form = new FormData();
  form.set("purpose", "user_data");
  form.set("file", new File(["kept"], "note.txt", { type: "text/plain" }));
  const file = await jsonOf(fetch(`${stage.gateway.url}/v1/files`, { method: "POST", body: form }));

  expect(JSON.stringify(await jsonOf(second!.send("/v1/sessions")))).toContain("s-shared");
  const next = await jsonOf(
    second!.post("/v1/responses", { input: "What is my name?", previous_response_id: response["id"] }),
  );
  expect(JSON.stringify(next["output"])).toContain("Ada");
  for (const connection of [first!, second!, third!]) {
    const content = await connection.send(`/v1/files/${String(file["id"])}/content`);
    expect([content.status, await content.text()]).toEqual([200, "kept"]);
  }
  // Written a moment behind its answer.
  await eventually(
    async () => (JSON.stringify(await jsonOf(third!.send("/v1/history"))).includes("s-shared") ? true : undefined),
    () => "the exchange in the history",
  );
  const deleted = await third!.send("/v1/sessions/s-shared", { method: "DELETE" });
  expect(deleted.status).toBe(200);
  expect((await first!.send("/v1/sessions/s-shared")).status).toBe(404);
  for (const connection of [first!, second!, third!]) connection[Symbol.dispose]();
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
