// Several workers on one port, with the compiled executable: conversations, limits and keys hold whichever of them answers,
// and the death of one costs what ran in it and nothing else.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createPlace, eventually, runBinary, startBinary } from "../support/binary.ts";
import { listenForNotices } from "../support/notify-socket.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { connectTo, connectToAll, type WorkerConnection } from "../support/worker-connections.ts";
import { readSlowly } from "./slow-reader.ts";
import { ask, createClient, startStage, type Stage, type StageOptions } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const count = 3;
const user = (content: string) => ({ role: "user" as const, content });
const assistant = (content: string) => ({ role: "assistant" as const, content });
type Said = ReturnType<typeof user> | ReturnType<typeof assistant>;

export function startWorkers(options: StageOptions = {}): Promise<Stage> {
  return startStage({ ...options, environment: { WORKERS: String(count), ...options.environment } });
}

/** Process ids by the number of the worker, as they were at the start. */
function pidsOf({ gateway }: Pick<Stage, "gateway">): readonly number[] {
  const line = gateway.output.find((one) => one.startsWith(`${count} workers: `)) ?? "";
  return line
    .slice(line.indexOf(":") + 1)
    .split(",")
    .map(Number);
}

async function chatOver(connection: WorkerConnection, messages: readonly Said[], headers = {}): Promise<string> {
  const response = await connection.post("/v1/chat/completions", { messages, stream: true }, headers);
  const { text, doneCount } = parseChatStream(await response.text());
  expect([response.status, doneCount]).toEqual([200, 1]);
  return text;
}

/** One turn over a connection of its own, which is closed behind it: any worker may take it. */
async function chatAnywhere(stage: Stage, messages: readonly Said[], headers = {}): Promise<Response> {
  return fetch(`${stage.gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close", ...headers },
    body: JSON.stringify({ messages, stream: true }),
    keepalive: false,
  });
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("conversations", () => {
  test("a conversation whose turns come in at all workers in turn is one chat, each turn behind the one before", async () => {
    await using stage = await startWorkers();
    const connections = await connectToAll(stage.gateway.url, count);
    const messages: Said[] = [];
    for (let turn = 0; turn < 7; turn++) {
      messages.push(user(`Say turn ${turn}`));
      messages.push(assistant(await chatOver(connections[turn % count]!, messages)));
    }

    const turns = await stage.emulator.turns();
    expect(new Set(turns.map(({ chatId }) => chatId)).size).toBe(1);
    expect(turns.map(({ content }) => content)).toEqual(Array.from({ length: 7 }, (_, turn) => `Say turn ${turn}`));
    expect(turns.slice(1).map(({ parentId }) => parentId)).toEqual(
      turns.slice(0, -1).map(({ responseId }) => responseId ?? null),
    );
    for (const connection of connections) connection[Symbol.dispose]();
  });

  test("a session of a client that sends only what is new goes on at every worker, one turn after the other", async () => {
    await using stage = await startWorkers();
    const connections = await connectToAll(stage.gateway.url, count);
    const say = async (connection: WorkerConnection, content: string) =>
      (await connection.post("/v1/chat/completions", { messages: [user(content)], session_id: "thin" })).json();
    await say(connections[0]!, "Say begin");
    await Promise.all(
      Array.from({ length: 9 }, async (_, index) => {
        using connection = await connectTo(stage.gateway.url, (index % count) + 1);
        await say(connection, `Say ${index}`);
      }),
    );

    const turns = await stage.emulator.turns();
    expect(turns).toHaveLength(10);
    expect(new Set(turns.map(({ chatId }) => chatId)).size).toBe(1);
    expect(turns.slice(1).map(({ parentId }) => parentId)).toEqual(
      turns.slice(0, -1).map(({ responseId }) => responseId ?? null),
    );
    for (const connection of connections) connection[Symbol.dispose]();
  });

  test("a hundred first turns at once, and a hundred second ones: each conversation goes on in its own chat", async () => {
    await using stage = await startWorkers();
    const converse = async (index: number): Promise<void> => {
      const messages: Said[] = [user(`Say first ${index}`)];
      const first = parseChatStream(await (await chatAnywhere(stage, messages)).text());
      messages.push(assistant(first.text), user(`Say second ${index}`));
      const second = parseChatStream(await (await chatAnywhere(stage, messages)).text());
      expect([first.doneCount, second.doneCount]).toEqual([1, 1]);
    };
    await Promise.all(Array.from({ length: 100 }, (_, index) => converse(index)));

    const turns = await stage.emulator.turns();
    const firsts = new Map(turns.filter(({ parentId }) => parentId === null).map((turn) => [turn.chatId, turn]));
    const seconds = turns.filter(({ parentId }) => parentId !== null);
    expect([turns.length, firsts.size, seconds.length]).toEqual([200, 100, 100]);
    for (const { chatId, parentId, content } of seconds) {
      const before = firsts.get(chatId);
      expect([before?.responseId, before?.content]).toEqual([
        parentId ?? undefined,
        content.replace("second", "first"),
      ]);
    }
  });

  test("two processes on one store: turn 2 at the other one sends its message alone behind turn 1, and of fifty at once none is lost [R2-079]", async () => {
    await using stage = await startStage();
    const environment = { PORT: "0", QWEN_TOKEN: "test-token", QWEN_BASE_URL: stage.emulator.url };
    await using other = await startBinary([], { ...environment, QWEN_AUTH_URL: stage.emulator.url }, stage.place);
    const [here, there] = [stage.client, createClient(other.url)];
    const converse = async (index: number): Promise<void> => {
      const messages: Said[] = [user(`Say P${index}`)];
      messages.push(assistant(await ask(here, messages, { stream: index % 2 === 0 })), user(`Say Q${index}`));
      messages.push(assistant(await ask(there, messages, { stream: true })), user(`Say R${index}`));
      await ask(here, messages, { stream: true });
    };
    await Promise.all(Array.from({ length: 50 }, (_, index) => converse(index)));

    const turns = await stage.emulator.turns();
    expect(turns).toHaveLength(150);
    const byChat = Map.groupBy(turns, ({ chatId }) => chatId);
    expect(byChat.size).toBe(50);
    for (const [one, two, three] of byChat.values()) {
      const name = one!.content.slice("Say P".length);
      expect([one!.parentId, two!.content, three!.content]).toEqual([null, `Say Q${name}`, `Say R${name}`]);
      expect([two!.parentId, three!.parentId]).toEqual([one!.responseId ?? null, two!.responseId ?? null]);
    }
  });

  test("without an account all workers share the built-in emulator", async () => {
    using place = createPlace();
    await using gateway = await startBinary([], { PORT: "0", WORKERS: String(count) }, place);
    const connections = await connectToAll(gateway.url, count);
    const messages: Said[] = [user("My cat is called Mia.")];
    messages.push(assistant(await chatOver(connections[0]!, messages)), user("What is my cat called?"));

    expect(await chatOver(connections[1]!, messages)).toContain("Mia");
    expect(gateway.errors.filter((line) => line.includes("built-in emulator"))).toHaveLength(1);
    for (const connection of connections) connection[Symbol.dispose]();
  });
});

describe("the death of a worker", () => {
  test("kill -9 under load loses no turn that was told to its end, and every conversation goes on [R0-024]", async () => {
    // So that at any moment replies run at every worker.
    await using stage = await startWorkers({ emulatorWords: ["--token-delay-ms", "5"] });
    const victims = [...pidsOf(stage)];
    const restarts = () => stage.gateway.errors.filter((line) => line.includes("A worker serves again"));
    let isOver = false;
    let cut = 0;

    /** Says a turn until it was answered. */
    async function say(messages: Said[], content: string): Promise<void> {
      messages.push(user(content));
      for (let attempt = 0; attempt < 50; attempt++) {
        const answer = await chatAnywhere(stage, messages)
          .then(async (response) => ({ status: response.status, text: await response.text() }))
          .catch(() => undefined);
        if (answer === undefined) {
          cut++;
          continue;
        }
        const { text, doneCount, error } = parseChatStream(answer.text);
        expect([answer.status, doneCount, error, text]).toEqual([200, 1, undefined, content.slice("Say ".length)]);
        messages.push(assistant(text));
        return;
      }
      throw new Error(`nobody answers "${content}"`);
    }
    const conversations = Array.from({ length: 20 }, (): Said[] => []);
    const talking = conversations.map(async (messages, index) => {
      for (let turn = 0; turn < 4 || !isOver; turn++) await say(messages, `Say ${index} turn ${turn}`);
    });
    for (const [round, pid] of victims.entries()) {
      process.kill(pid, "SIGKILL");
      await stage.gateway.line(() => restarts().length > round);
    }
    isOver = true;
    await Promise.all(talking);
    await Promise.all(conversations.map((messages, index) => say(messages, `Say ${index} again`)));

    expect(restarts()).toHaveLength(count);
    expect(cut).toBeGreaterThan(0);
    const turns = await stage.emulator.turns();
    for (const [index, messages] of conversations.entries()) {
      const last = messages.at(-4)!.content;
      const final = turns.find(({ content }) => content === `Say ${index} again`);
      const before = turns.find(({ responseId }) => responseId !== undefined && responseId === final?.parentId);
      // Behind the node of the last turn that its client saw to its end, or of its repetition with all that was said.
      expect(before?.content.endsWith(last)).toBe(true);
      expect(before?.chatId).toBe(final!.chatId);
    }
  });

  test("its clients get a closed connection, and the next turn continues the chat at the node before", async () => {
    await using stage = await startWorkers();
    const [pid] = pidsOf(stage);
    using first = await connectTo(stage.gateway.url, 1);
    const messages: Said[] = [user("Say one")];
    messages.push(assistant(await chatOver(first, messages)), user("Count from 1 to 30"));
    await stage.emulator.script({ match: "Count from 1 to 30", gate: "count" });
    await stage.emulator.release("count", 4);
    const reader = await readSlowly(await first.post("/v1/chat/completions", { messages, stream: true }));
    await reader.until('"content":"1"');
    process.kill(pid!, "SIGKILL");
    expect(await reader.rest().catch((error: unknown) => error)).toBeInstanceOf(Error);
    await stage.gateway.line((line) => line.includes("A worker serves again"));
    using second = await connectTo(stage.gateway.url, 2);

    expect(await chatOver(second, messages)).toEndWith("29 30");
    const [one, , again] = await stage.emulator.turns();
    expect(again).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId!, content: "Count from 1 to 30" });
  });

  test("a worker that is asked to end ends what runs in it, and another one takes its place", async () => {
    await using stage = await startWorkers();
    const [, pid] = pidsOf(stage);
    using connection = await connectTo(stage.gateway.url, 2);
    await stage.emulator.script({ match: "running", gate: "g", reply: { chunks: ["begun", " and", " ended"] } });
    await stage.emulator.release("g", 2);
    const reader = await readSlowly(
      await connection.post("/v1/chat/completions", { messages: [user("running")], stream: true }),
    );
    await reader.until("begun");
    process.kill(pid!, "SIGTERM");
    await stage.gateway.line((line) => line.includes("Stopping") && line.includes('"worker":2'));
    await stage.emulator.release("g", "all");

    expect(parseChatStream(await reader.rest())).toMatchObject({ text: "begun and ended", doneCount: 1 });
    await stage.gateway.line((line) => line.includes("A worker serves again"));
    using again = await connectTo(stage.gateway.url, 2);
    expect(again.worker).toBe(2);
  });
});

describe("what holds for all", () => {
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
});

describe("start, reload, stop", () => {
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
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
