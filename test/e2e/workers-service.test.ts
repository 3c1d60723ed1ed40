// Workers from their start to their end, with the compiled executable: reloads, signals, secrets, the service manager.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createPlace, eventually, runBinary, startBinary } from "../support/binary.ts";
import { listenForNotices } from "../support/notify-socket.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { connectTo, connectToAll } from "../support/worker-connections.ts";
import { readSlowly } from "./slow-reader.ts";
import { bearer, chatAnywhere, count, lives, pidsOf, startWorkers, user } from "./workers-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

test("SIGHUP under load cuts no stream and refuses no connection, and all workers serve by the new settings", async () => {
  await using stage = await startWorkers({ settings: { API_KEY: "of-old" } });
  let isOver = false;
  const failures: unknown[] = [];
  let answered = 0;
  let refused = 0;
  const load = Array.from({ length: 8 }, async (_, index) => {
    while (!isOver) {
      try {
        const response = await chatAnywhere(stage, [user(`Say load ${index}`)], bearer("of-old"));
        const body = await response.text();
        // Of the last settings, which know another key.
        if (response.status === 401) refused++;
        else {
          const { text, doneCount, error } = parseChatStream(body);
          if (text !== `load ${index}` || doneCount !== 1) failures.push({ text, doneCount, error });
          answered++;
        }
      } catch (error) {
        failures.push(error);
      }
    }
  });
  for (let round = 0; round < 4; round++) {
    await stage.reload({ API_KEY: "of-old", STREAM_USAGE: round % 2 === 0 ? "always" : "request" });
  }
  const before = refused;
  await stage.reload({ API_KEY: "new-key" });
  isOver = true;
  await Promise.all(load);
  const connections = await connectToAll(stage.gateway.url, count);
  const statuses = await Promise.all(
    connections.map(async (connection) => [
      (await connection.send("/v1/models", { headers: bearer("of-old") })).status,
      (await connection.send("/v1/models", { headers: bearer("new-key") })).status,
    ]),
  );

  expect([answered > 0, before, failures]).toEqual([true, 0, []]);
  expect(statuses).toEqual(connections.map(() => [401, 200]));
  for (const connection of connections) connection[Symbol.dispose]();
});

test("an administrator's reload at one worker is one of all, and says what cannot be used", async () => {
  await using stage = await startWorkers({ settings: { ADMIN_KEY: "of-admin", API_KEY: "first-key" } });
  const connections = await connectToAll(stage.gateway.url, count);
  const envFile = join(stage.place.folder, "settings.env");
  const reload = async (settings: string) => {
    writeFileSync(envFile, settings);
    const answer = await connections[1]!.post("/admin/api/reload", {}, bearer("of-admin"));
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const done = await reload("ADMIN_KEY=of-admin\nAPI_KEY=second-key\nWORKERS=2\n");
  const refused = await reload("ADMIN_KEY=of-admin\nAPI_KEY=third-key\nLOG_LEVEL=loud\n");

  expect(done.status).toBe(200);
  expect(done.body).toMatchObject({ changed: ["API_KEY"] });
  expect(JSON.stringify(done.body["upstreams"])).toContain("qwen-web");
  expect([refused.status, JSON.stringify(refused.body).includes("LOG_LEVEL")]).toEqual([400, true]);
  for (const connection of connections) {
    const statusOf = async (key: string) => (await connection.send("/v1/models", { headers: bearer(key) })).status;
    expect([await statusOf("first-key"), await statusOf("second-key"), await statusOf("third-key")]).toEqual([
      401, 200, 401,
    ]);
    connection[Symbol.dispose]();
  }
});

test("settings that cannot be used leave all workers as they are, also one that starts afterwards", async () => {
  await using stage = await startWorkers({ settings: { API_KEY: "first-key" } });
  const line = await stage.reload({ API_KEY: "second-key", LOG_LEVEL: "loud" }, "Cannot use the settings");
  expect(line).toContain("LOG_LEVEL");
  process.kill(pidsOf(stage)[0]!, "SIGKILL");
  await stage.gateway.line((one) => one.includes("A worker serves again"));
  const connections = await connectToAll(stage.gateway.url, count);
  for (const connection of connections) {
    const statusOf = async (key: string) => (await connection.send("/v1/models", { headers: bearer(key) })).status;
    expect([await statusOf("first-key"), await statusOf("second-key")]).toEqual([200, 401]);
    connection[Symbol.dispose]();
  }
});

test("SIGTERM lets all of them end what runs: exit code 0, and nothing is left", async () => {
  await using stage = await startWorkers();
  const readers = [];
  for (let worker = 1; worker <= count; worker++) {
    const connection = await connectTo(stage.gateway.url, worker);
    const gate = `gate ${worker}`;
    await stage.emulator.script({ match: gate, gate, reply: { chunks: ["begun", " and", " ended"] } });
    await stage.emulator.release(gate, 2);
    const response = await connection.post("/v1/chat/completions", { messages: [user(gate)], stream: true });
    const reader = await readSlowly(response);
    await reader.until("begun");
    readers.push(reader);
  }
  stage.gateway.kill("SIGTERM");
  for (let worker = 1; worker <= count; worker++) {
    await stage.gateway.line((line) => line.includes("Stopping") && line.includes(`"worker":${worker}`));
    await stage.emulator.release(`gate ${worker}`, "all");
  }

  for (const reader of readers) {
    expect(parseChatStream(await reader.rest())).toMatchObject({ text: "begun and ended", doneCount: 1 });
  }
  expect(await stage.gateway.exited).toBe(0);
  for (const pid of pidsOf(stage)) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("kill -9 of the supervisor: the workers end what runs, and go", async () => {
  await using stage = await startWorkers();
  using connection = await connectTo(stage.gateway.url, 1);
  await stage.emulator.script({ gate: "g", reply: { chunks: ["begun", " and", " ended"] } });
  await stage.emulator.release("g", 2);
  const reader = await readSlowly(
    await connection.post("/v1/chat/completions", { messages: [user("hello")], stream: true }),
  );
  await reader.until("begun");
  const pids = pidsOf(stage);
  process.kill(stage.gateway.pid, "SIGKILL");
  await stage.emulator.release("g", "all");

  expect(parseChatStream(await reader.rest())).toMatchObject({ text: "begun and ended", doneCount: 1 });
  await eventually(
    async () => (pids.every((pid) => !lives(pid)) ? true : undefined),
    () => "the workers end",
  );
});

test("secrets are made once and shown once, and the sockets are for their owner alone", async () => {
  using place = createPlace();
  const words = ["serve", "--host", "0.0.0.0", "--workers", "3"];
  await using gateway = await startBinary(words, { PORT: "0", GENERATE_API_KEY: "true" }, place);
  const shown = gateway.output.filter((line) => line.includes("shown once"));
  const key = /shown once: (\S+)/.exec(shown[0] ?? "")?.[1] ?? "";
  const connections = await connectToAll(`http://127.0.0.1:${gateway.port}`, count);
  for (const connection of connections) {
    expect((await connection.send("/v1/models", { headers: bearer(key) })).status).toBe(200);
    connection[Symbol.dispose]();
  }

  expect(shown).toHaveLength(1);
  const run = join(place.home, ".local", "share", "qwen-gateway", "run");
  expect(statSync(run).mode & 0o777).toBe(0o700);
  const sockets = readdirSync(run).filter((name) => name.endsWith(".sock"));
  expect(sockets.length).toBeGreaterThanOrEqual(count);
  for (const name of sockets) expect([name, statSync(join(run, name)).mode & 0o777]).toEqual([name, 0o600]);
});

test("from the source, with as many as there are cores", async () => {
  using place = createPlace();
  const program = join(import.meta.dir, "..", "..", "src", "boot.ts");
  const words = [program, "serve", "--port", "0", "--workers", "auto", "--max-streams", "2"];
  await using gateway = await startBinary(words, {}, { ...place, executable: process.execPath });
  const isAlone = availableParallelism() === 1;
  const line = gateway.output.find((one) => one.includes("workers: "));

  expect(line?.startsWith("2 workers: ") ?? false).toBe(!isAlone);
  expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  gateway.kill("SIGINT");
  expect(await gateway.exited).toBe(0);
});

test("what stands in the way of a start is one sentence and an exit code", async () => {
  using place = createPlace();
  await using other = await startBinary([], { PORT: "0" }, place);
  const run = (environment: Record<string, string>, ...words: string[]) =>
    runBinary(["serve", ...words], { WORKERS: "3", ...environment }, place);
  const taken = await run({ PORT: String(other.port) });
  const small = await run({ PORT: "0", QWEN_MAX_CONCURRENT: "2" });
  const open = await run({ PORT: "0", HOST: "0.0.0.0" });
  const wrong = await run({ PORT: "0" }, "--workers", "none");

  expect([taken.exitCode, small.exitCode, open.exitCode, wrong.exitCode]).toEqual([1, 2, 2, 2]);
  expect(taken.errors).toContain(`Cannot listen on 127.0.0.1:${other.port}: the port is in use`);
  expect(small.errors).toContain("Cannot use WORKERS=3 with QWEN_MAX_CONCURRENT=2");
  expect(open.errors).toContain("API_KEY");
  expect(wrong.errors).toContain("Cannot use --workers");
  for (const { errors } of [taken, open]) expect(errors).not.toMatch(/^\s+at /m);
});

test.skipIf(process.platform !== "linux")("the service manager is told by the supervisor, once", async () => {
  using place = createPlace();
  using manager = listenForNotices(place.folder);
  const environment = { PORT: "0", WORKERS: "3", NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "20000" };
  await using gateway = await startBinary([], environment, place);
  await manager.until((text) => text.startsWith("READY=1"));
  await manager.until((text) => text === "WATCHDOG=1");
  gateway.kill("SIGHUP");
  await manager.until(() => manager.told.filter((text) => text.startsWith("READY=1")).length === 2);
  gateway.kill("SIGTERM");
  await manager.until((text) => text.startsWith("STOPPING=1"));

  expect(await gateway.exited).toBe(0);
  const states = manager.told.filter((text) => text !== "WATCHDOG=1").map((text) => text.split("=")[0]);
  expect(states).toEqual(["READY", "RELOADING", "READY", "STOPPING"]);
});
