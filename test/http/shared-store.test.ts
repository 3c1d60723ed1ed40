// Two gateways on one Redis server, as clients see them: one conversation over both, and what happens while the server is away.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { openConfiguredStore } from "../../src/app/open-store.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createStoredKeys } from "../../src/server/auth/stored-keys.ts";
import { thisProcess } from "../../src/store/lease-owner.ts";
import { openRedisStore } from "../../src/store/redis/open-store.ts";
import { createScripts } from "../../src/store/redis/scripts.ts";
import { createLog } from "../../src/telemetry/create-log.ts";
import { eventually } from "../support/binary.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { findRedis, type RedisServer, startRedis } from "../support/redis-server.ts";
import { readLive } from "../support/live-stream.ts";
import { accessToken, cookiesOf } from "../support/tokens.ts";
import {
  acceptedTurns,
  answerTo,
  assistant,
  callsOf,
  createTalk,
  lastTurn,
  readError,
  readStream,
  user,
} from "./client.ts";
import { blocksUntil, parseTyped, readTyped } from "./typed-client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const executable = findRedis();
const filesServer = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
const masterKey = "5c".repeat(32);

describe.skipIf(executable === undefined)("gateways that share a store", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(executable ?? "");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const shared = (more: Readonly<Record<string, string>> = {}) => ({
    STORE_URL: server.url,
    MASTER_KEY: masterKey,
    ...more,
  });

  /** In front of the same upstream. */
  const startBeside = (first: Harness, more: Readonly<Record<string, string>> = {}): Promise<Harness> =>
    startHarness({
      environment: shared({ QWEN_BASE_URL: first.served.url, QWEN_AUTH_URL: first.served.url, ...more }),
    });

  async function ready(harness: Harness): Promise<{ status: number; body: { status: string; reasons: string[] } }> {
    const response = await harness.get("/health/ready");
    return { status: response.status, body: (await response.json()) as { status: string; reasons: string[] } };
  }

  const untilReady = (harness: Harness) =>
    eventually(
      async () => ((await ready(harness)).body.status === "ok" ? true : undefined),
      () => "the gateway is ready",
    );

  test("a conversation goes on at the other gateway, with its one new message [R2-079] [R2-083]", async () => {
    await using one = await startHarness({ environment: shared() });
    await using other = await startBeside(one);
    const messages = [user("My name is Ada.")];
    messages.push(assistant(await answerTo(one, messages)), user("Say: second"));
    const first = lastTurn(one);
    messages.push(assistant(await answerTo(other, messages)), user("What is my name?"));
    const second = lastTurn(one);
    expect(await answerTo(one, messages)).toContain("Ada");

    expect([second.parentId, second.content, second.chatId]).toEqual([
      first.responseId ?? "",
      "Say: second",
      first.chatId,
    ]);
    expect(lastTurn(one)).toMatchObject({ parentId: second.responseId, content: "What is my name?" });
    const session = await (await other.get("/v1/sessions")).json();
    expect(JSON.stringify(session)).toContain(first.chatId);
  });

  test("of 50 turns that go on from one place over two gateways, each is remembered [R2-079]", async () => {
    await using one = await startHarness({ environment: shared() });
    await using other = await startBeside(one);
    const opening = [user("Say: fifty turns")];
    opening.push(assistant(await answerTo(one, opening)));
    const talks = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const messages = [...opening, user(`Say: branch ${index}`)];
        return [...messages, assistant(await answerTo(index % 2 === 0 ? one : other, messages))];
      }),
    );
    const nodes = new Map(acceptedTurns(one).map((turn) => [turn.content, turn.responseId]));
    await Promise.all(
      talks.map((messages, index) =>
        answerTo(index % 2 === 0 ? other : one, [...messages, user(`Say: after ${index}`)]),
      ),
    );
    // Branches that found the chat of the opening free share it, and not all of them can go on in it at once: one that begins anew
    // sends its whole history.
    const after = acceptedTurns(one).filter(({ content }) => content.includes("Say: after"));

    expect(talks.map((messages) => messages.at(-1)?.content)).toEqual(
      Array.from({ length: 50 }, (_, index) => `branch ${index}`),
    );
    expect(after).toHaveLength(50);
    for (const { content, parentId } of after) {
      const [, index = ""] = /Say: after (\d+)$/.exec(content) ?? [];
      const own = [...nodes].find(([text]) => text.endsWith(`Say: branch ${index}`))?.[1];
      if (content === `Say: after ${index}`) expect(parentId).toBe(own ?? "");
      else expect([parentId, content.includes(`Say: branch ${index}\n`)]).toEqual([null, true]);
    }
  });

  test("a turn whose client stopped it at one gateway and asks again at the other continues its chat, not a new one [R2-079]", async () => {
    await using one = await startHarness({ environment: shared() });
    await using other = await startBeside(one);
    const messages = [user("Say: stopped")];
    messages.push(assistant(await answerTo(one, messages)));
    const first = lastTurn(one);
    // The stop call takes its time: the chat is still leased when the client comes back.
    one.emulator.script({ on: "stop", delayMs: 150 });
    one.emulator.script({ gate: "stopped", reply: { text: "one two three four five six" } });
    one.emulator.release("stopped", 2);
    const controller = new AbortController();
    messages.push(user("Say: again"));
    const live = readLive(await one.chat({ stream: true, messages }, { signal: controller.signal }));
    await live.nextText();
    controller.abort();
    await one.emulator.until((requests) => requests.some((request) => request.on === "stop"));

    expect(await answerTo(other, messages)).toBe("again");
    expect(lastTurn(one)).toMatchObject({ chatId: first.chatId, parentId: first.responseId, content: "Say: again" });
  });

  test("a turn asks the store twice before the upstream, and waits for it once afterwards", async () => {
    await using own = await startRedis(executable ?? "");
    await using harness = await startHarness({ environment: shared({ STORE_URL: own.url }) });
    const store = await openRedisStore({ url: own.url, clock: Date.now, sessionTimeoutMs: 86_400_000 });
    const { key } = await createStoredKeys(store, Date.now).create({ name: "ci" });
    await store.close();
    await eventually(
      async () => ((await harness.get("/v1/models")).status === 401 ? true : undefined),
      () => "the gateway wants a key",
    );
    const headers = { authorization: `Bearer ${key}` };
    const opening = [user("Say: first")];
    opening.push(assistant(await answerTo(harness, opening, { headers })));
    using monitor = await own.monitor();
    const names = new Map(Array.from(createScripts().values(), ({ digest, name }) => [digest, name]));
    const asked = (): (string | undefined)[] =>
      monitor
        .lines()
        .flatMap((line) => /"EVALSHA" "(\w+)"/.exec(line)?.[1] ?? [])
        .map((digest) => names.get(digest))
        // Not of the turn: the pulse, and once a second whether accounts have changed.
        .filter((name) => name !== "beat" && name !== "listAccounts");
    harness.emulator.script({ gate: "upstream", reply: { text: "second" } });
    const answer = answerTo(harness, [...opening, user("Say: second")], { headers });
    await harness.emulator.until((requests) => requests.filter(({ on }) => on === "completions").length === 2);
    // What the server was asked before this, its monitor has told before this.
    await own.run("ECHO", "upstream was asked");
    await eventually(
      async () => (monitor.lines().some((line) => line.includes("upstream was asked")) ? true : undefined),
      () => "the monitor tells of it",
    );
    const before = asked();
    harness.emulator.release("upstream", "all");
    expect(await answer).toBe("second");
    await eventually(
      async () => (asked().includes("endTurn") ? true : undefined),
      () => "the turn has ended",
    );

    expect(before).toEqual(["keysRevision", "beginTurn"]);
    // What runs is noted without waiting for it.
    expect(asked().slice(before.length)).toEqual(["noteReply", "endTurn"]);
  });

  test("what one gateway has stored, the other one knows: responses, conversations, typed chats and their streams [R2-083]", async () => {
    await using one = await startHarness({ environment: shared() });
    await using other = await startBeside(one);
    const json = async (response: Promise<Response>) => (await response).json() as Promise<Record<string, unknown>>;
    const first = await json(one.post("/v1/responses", { input: "My name is Ada." }));
    const second = await json(
      other.post("/v1/responses", { input: "What is my name?", previous_response_id: first["id"] }),
    );
    const named = await json(one.post("/v1/conversations", { metadata: { topic: "names" } }));
    const found = await json(other.get(`/v1/conversations/${named["id"]}`));

    const said = await one.post("/api/chat/stream", { session_id: "shared-chat", message: "Say: typed" });
    const stream = await said.text();
    const messages = await json(other.get("/api/chat/sessions/shared-chat"));
    const streamId = /"streamId":"([^"]+)"/.exec(stream)?.[1] ?? said.headers.get("x-stream-id") ?? "";
    const again = await other.get(`/api/chat/stream/${streamId}`);

    expect(JSON.stringify(second["output"])).toContain("Ada");
    expect(found).toMatchObject({ id: named["id"], metadata: { topic: "names" } });
    expect(JSON.stringify(messages)).toContain("typed");
    expect([again.status, await again.text()]).toEqual([200, stream]);
    expect((await other.get("/api/chat/stream/no-such-stream")).status).toBe(404);
  });

  test("an account's token is renewed once, by whichever gateway is first, and used by both", async () => {
    const environment = shared({ QWEN_TOKEN: "", QWEN_COOKIES: cookiesOf("ann", accessToken("ann", 2 * 60_000)) });
    await using one = await startHarness({ environment, emulator: { rotateRefreshTokens: true } });
    await using other = await startBeside(one, environment);
    one.emulator.script({ on: "refresh", gate: "refresh" });
    const answers = Array.from({ length: 20 }, (_, index) =>
      answerTo(index % 2 === 0 ? one : other, [user(`Say: ${index}`)]),
    );
    await one.emulator.until((requests) => requests.some(({ on }) => on === "refresh"));
    one.emulator.release("refresh", "all");

    expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`));
    expect(callsOf(one, "refresh")).toHaveLength(1);
    expect(new Set(acceptedTurns(one).map(({ record }) => record.headers["authorization"])).size).toBe(1);
  });

  test("a stream is stopped from the other gateway, a response in the background cancelled", async () => {
    await using one = await startHarness({ environment: shared() });
    await using other = await startBeside(one);
    one.emulator.script(
      { match: "Speak", gate: "speech", reply: { chunks: ["one ", "two ", "three"] } },
      { match: "Think", gate: "thought", reply: { text: "never said" } },
    );
    one.emulator.release("speech", 2);
    const options = { follow_ups: false, quality: false };
    const begun = await one.post("/api/chat/stream", { message: "Speak", resumable: true, options });
    const live = readLive(begun);
    await blocksUntil(live, '"one "');
    const streamId = begun.headers.get("x-stream-id") ?? "";
    const later = { model: "qwen3-max", input: "Think", background: true };
    const { id } = (await (await one.post("/v1/responses", later)).json()) as { id: string };

    const stopped = await fetch(`${other.url}/api/chat/stream/${streamId}`, { method: "DELETE" });
    const cancelled = await other.post(`/v1/responses/${id}/cancel`, {});

    expect(await stopped.json()).toEqual({ stream_id: streamId, stopped: true });
    expect(parseTyped(await live.rest()).at(-1)?.event).toMatchObject({ error: "The answer was stopped" });
    expect(await cancelled.json()).toMatchObject({ id, status: "cancelled" });
    const again = await fetch(`${other.url}/api/chat/stream/${streamId}`, { method: "DELETE" });
    expect(await again.json()).toEqual({ stream_id: streamId, stopped: false });
  });

  test("a session that is deleted at one gateway takes along the response that the other one still makes", async () => {
    await using one = await startHarness({ environment: shared() });
    await using other = await startBeside(one);
    one.emulator.script({ match: "Speak", gate: "held", reply: { chunks: ["one ", "two ", "three"] } });
    one.emulator.release("held", 2);
    const body = { model: "qwen3-max", input: "Speak", stream: true, prompt_cache_key: "deleted-elsewhere" };
    const live = readLive(await one.post("/v1/responses", body));
    const [begun] = await blocksUntil(live, '"one "');
    const id = /"id":"(resp_\w+)"/.exec(begun ?? "")?.[1] ?? "";

    const deleted = await fetch(`${other.url}/v1/sessions/deleted-elsewhere`, { method: "DELETE" });
    one.emulator.release("held", "all");

    expect([deleted.status, await live.rest()]).toEqual([200, expect.stringContaining("response.completed")]);
    for (const { url } of [one, other]) expect((await fetch(`${url}/v1/responses/${id}`)).status).toBe(404);
  });

  test.each([true, false])(
    "it does so before its first word, stream %p, and leaves those that are asked afterwards",
    async (stream) => {
      await using one = await startHarness({ environment: shared() });
      await using other = await startBeside(one);
      one.emulator.script({ match: "Speak", gate: "held", reply: { chunks: ["one ", "two ", "three"] } });
      one.emulator.release("held", 1);
      const session = `deleted-early-${stream}`;
      const body = { model: "qwen3-max", input: "Speak", stream, prompt_cache_key: session };
      const answer = one.post("/v1/responses", body);
      const remove = () => fetch(`${other.url}/v1/sessions/${session}`, { method: "DELETE" });
      // When the gateway is told of the reply, so is the store.
      await eventually(
        async () => ((await remove()).status === 200 ? true : undefined),
        () => "there is a session",
      );
      one.emulator.release("held", "all");
      const idIn = (text: string): string => /"id":"(resp_\w+)"/.exec(text)?.[1] ?? "";
      const id = idIn(await (await answer).text());
      const later = idIn(await (await one.post("/v1/responses", { ...body, input: "Say two" })).text());

      for (const { url } of [one, other]) {
        expect((await fetch(`${url}/v1/responses/${id}`)).status).toBe(404);
        expect((await fetch(`${url}/v1/responses/${later}`)).status).toBe(200);
      }
    },
  );

  test("a stream that runs is read on at the other gateway, exactly from where its reader left", async () => {
    await using one = await startHarness({ environment: shared() });
    await using other = await startBeside(one);
    one.emulator.script({ gate: "held", reply: { chunks: ["one ", "two ", "天气 ", "four"] } });
    one.emulator.release("held", 3);
    const left = new AbortController();
    const body = {
      message: "Count",
      session_id: "followed",
      resumable: true,
      options: { follow_ups: false, quality: false },
    };
    const response = await one.post("/api/chat/stream", body, { signal: left.signal });
    const seen = parseTyped(`${(await blocksUntil(readLive(response), '"two "')).join("\n\n")}\n\n`);
    left.abort();
    const lastId = seen.at(-1)?.id ?? 0;
    const readOn = (from: number): Promise<Response> =>
      fetch(`${other.url}/api/chat/stream/${response.headers.get("x-stream-id")}`, {
        headers: { "last-event-id": `${from}` },
      });
    const [rest, whole, ahead] = [await readOn(lastId), await readOn(0), await readOn(lastId + 1)];
    one.emulator.release("held", "all");
    const [restFrames, wholeFrames, aheadFrames] = [
      await readTyped(rest),
      await readTyped(whole),
      await readTyped(ahead),
    ];

    expect(restFrames.text).toBe("天气 four");
    expect([restFrames.frames[0]?.id, restFrames.isDone]).toEqual([lastId + 1, true]);
    expect(wholeFrames.text).toBe("one two 天气 four");
    expect([...wholeFrames.frames]).toEqual([...seen, ...restFrames.frames]);
    expect([...aheadFrames.frames]).toEqual(restFrames.frames.slice(1));
  });

  test("a plan that waits at one gateway is approved at the other, once", async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "qwen-gateway-shared-")));
    try {
      const servers = { files: { command: process.execPath, args: [filesServer, folder] } };
      const agent = { MCP_SERVERS: JSON.stringify(servers), AGENT_OPEN: "true" };
      await using one = await startHarness({ environment: shared(agent) });
      await using other = await startBeside(one, agent);
      const path = join(folder, "rivers.txt");
      const calls = [{ name: "write_file", arguments: { path, content: "Gauja" } }];
      one.emulator.script({ reply: { text: "", calls } }, { reply: { text: "It is written." } });
      const asked = await one.post("/api/agent/stream", { query: "Write Gauja into rivers.txt" });
      const id = /"confirmation_id":"([^"]+)"/.exec(await asked.text())?.[1];
      expect(existsSync(path)).toBe(false);
      const answer = { confirmation_id: id, decision: "approve" };
      const approved = await other.post("/api/agent/confirm", answer);
      await approved.text();
      const again = await one.post("/api/agent/confirm", answer);

      expect([approved.status, readFileSync(path, "utf8")]).toEqual([200, "Gauja"]);
      expect([404, 410]).toContain(again.status);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("without the store new turns are refused at once, with when to come back, and taken again by themselves", async () => {
    await using own = await startRedis(executable ?? "");
    await using harness = await startHarness({ environment: shared({ STORE_URL: own.url }) });
    const talk = createTalk(harness);
    await talk.say("Say: before");
    const before = lastTurn(harness);
    await own.kill();
    for (const messages of [[user("Say: first")], [...talk.messages, user("Say: next")]]) {
      const response = await harness.chat({ model: "qwen3-max", stream: true, messages });
      const body = (await response.json()) as { error: { message: string; code: string } };
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
      expect(body.error.message).toContain("Cannot reach the gateway's shared store");
    }
    expect(await ready(harness)).toMatchObject({ status: 503, body: { reasons: ["store-failed"] } });
    await own.start();
    await untilReady(harness);

    expect(await talk.say("Say: after")).toBe("after");
    expect(lastTurn(harness)).toMatchObject({ parentId: before.responseId, chatId: before.chatId });
    const warnings = harness.logLines.filter((line) => line.includes("The shared store cannot be used"));
    expect(warnings).toHaveLength(1);
  });

  test("an answer that runs when the store goes away ends whole, and is remembered when it is back", async () => {
    await using own = await startRedis(executable ?? "");
    await using harness = await startHarness({ environment: shared({ STORE_URL: own.url }) });
    harness.emulator.script({ gate: "words", reply: { text: "One two three." } });
    const messages = [user("Say something")];
    const asked = harness.chat({ model: "qwen3-max", stream: true, messages });
    harness.emulator.release("words", 3);
    const response = await asked;
    await own.kill();
    harness.emulator.release("words", "all");
    const answer = readStream(response);
    await own.start();
    const { text, error } = await answer;
    await untilReady(harness);
    const first = lastTurn(harness);
    await answerTo(harness, [...messages, assistant(text), user("Say: next")]);

    expect([text, error]).toEqual(["One two three.", undefined]);
    expect(lastTurn(harness)).toMatchObject({ parentId: first.responseId, content: "Say: next" });
  });

  test("STORE_DOWN=stateless answers without remembering, and is ready meanwhile", async () => {
    await using own = await startRedis(executable ?? "");
    const environment = shared({ STORE_URL: own.url, STORE_DOWN: "stateless" });
    await using harness = await startHarness({ environment });
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const before = lastTurn(harness);
    await own.kill();
    await eventually(
      async () => ((await ready(harness)).body.status === "degraded" ? true : undefined),
      () => "the store is away",
    );
    const answer = await talk.say("What is my name?");

    expect(answer).toContain("Ada");
    expect(lastTurn(harness).chatId).not.toBe(before.chatId);
    expect(await ready(harness)).toMatchObject({ status: 200, body: { reasons: ["store-away"] } });
    await own.start();
    await untilReady(harness);
    await talk.say("Say: again");
  });

  test("a start without MASTER_KEY, or without an answer, is refused with a sentence that shows no password", async () => {
    const log = createLog({ level: "silent", format: "json", write: () => {} });
    const start = (environment: Record<string, string>) => {
      const { config } = loadConfig({ environment: { HOME: "/nowhere", QWEN_TOKEN: "t", ...environment }, flags: {} });
      return createApp(config, { log }).catch((error: unknown) => error);
    };
    const keyless = await start({ STORE_URL: `redis://:secret-word@127.0.0.1:${server.port}/1` });

    expect(String(keyless)).toContain("Cannot use the shared store of STORE_URL without MASTER_KEY");
    expect(Bun.inspect(keyless)).not.toContain("secret-word");
  });

  test("a start ends the restore of its own files that a death broke off", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-restored-"));
    const owner = { ...thisProcess(), ownerStartedMs: 1 };
    const pending = { staged: ".restore-1", kept: "before", leaving: [], arriving: ["chat.db"], owner };
    mkdirSync(join(dataDir, pending.staged));
    writeFileSync(join(dataDir, pending.staged, "chat.db"), "restored");
    writeFileSync(join(dataDir, "restore-pending.json"), JSON.stringify(pending));
    const config = { dataDir, storeUrl: server.url, masterKey };
    const store = await openConfiguredStore(config, { clock: Date.now, sessionTimeoutMs: () => 86_400_000 });
    await store.close();
    const restored = readFileSync(join(dataDir, "chat.db"), "utf8");
    rmSync(dataDir, { recursive: true, force: true });

    expect(restored).toBe("restored");
  });

  test("a backup over HTTP says so where nothing stays with the gateway, and holds it where something does", async () => {
    await using harness = await startHarness({ environment: shared() });
    const backUp = () =>
      fetch(`${harness.url}/admin/api/backup`, { method: "POST", headers: { "content-type": "application/json" } });
    const { status, error } = await readError(await backUp());
    const form = new FormData();
    form.append("purpose", "user_data");
    form.append("file", new File(["kept here"], "words.txt"));
    await fetch(`${harness.url}/v1/files`, { method: "POST", body: form });
    const backup = await backUp();

    expect([status, error.message]).toEqual([
      400,
      "Cannot back up: nothing is kept in this gateway's own directory yet",
    ]);
    expect([backup.status, await backup.text()]).toEqual([200, expect.stringContaining("files.db")]);
  });

  test("a start says what stays with this gateway, and what its store would forget", async () => {
    await using own = await startRedis(executable ?? "", ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    await using harness = await startHarness({ environment: shared({ STORE_URL: own.url }) });
    const warnings = (): string => harness.logLines.filter((line) => line.includes('"warn"')).join("\n");
    await eventually(
      async () => (warnings().includes("maxmemory-policy noeviction") ? true : undefined),
      () => warnings(),
    );

    expect(warnings()).toContain("documents, uploaded files, the history, captures");
  });

  test("settings that are read again keep the store, and are refused without MASTER_KEY", async () => {
    await using harness = await startHarness({ environment: shared() });
    await expect(harness.reload({ MASTER_KEY: undefined })).rejects.toThrow("without MASTER_KEY");
    await harness.reload({ MASTER_KEY: masterKey, STORE_URL: "redis://127.0.0.1:1/0", DEFAULT_MODEL: "qwen3-max" });

    expect(await answerTo(harness, [user("Say: still here")])).toBe("still here");
    expect(harness.logLines.join("\n")).toContain('"settings":"STORE_URL"');
  });

  test("settings that are shown, and what is logged, hold nothing of STORE_URL", async () => {
    const url = server.url.replace("redis://", "redis://default:word-that-nobody-sees@");
    await using own = await startRedis(executable ?? "", ["--requirepass", "word-that-nobody-sees"]);
    const STORE_URL = url.replace(String(server.port), String(own.port));
    await using harness = await startHarness({ environment: shared({ STORE_URL, ADMIN_KEY: "admin-key-of-test" }) });
    const headers = { authorization: "Bearer admin-key-of-test" };
    const shown = await Promise.all(
      ["/health/detailed", "/admin/config"].map(async (path) => (await fetch(harness.url + path, { headers })).text()),
    );
    await own.kill();
    await harness.chat({ model: "qwen3-max", messages: [user("Say: one")] });

    expect(shown[0]).toContain('"STORE_URL":"set"');
    expect(shown.join("\n") + harness.logLines.join("\n")).not.toContain("word-that-nobody-sees");
  });
});
