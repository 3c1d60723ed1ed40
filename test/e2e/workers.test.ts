// Several workers on one port, with the compiled executable: a conversation goes on whichever of them answers, and the death of
// one costs what ran in it and nothing else.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createPlace, startBinary } from "../support/binary.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { connectTo, connectToAll, type WorkerConnection } from "../support/worker-connections.ts";
import { readSlowly } from "./slow-reader.ts";
import { ask, createClient, startStage } from "./stage.ts";
import {
  assistant,
  chatAnywhere,
  chatOver,
  count,
  countSlowCommits,
  pidsOf,
  type Said,
  startWorkers,
  user,
} from "./workers-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

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
    // The first ones too: the session comes up while others wait for it.
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
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

  test("a turn that is stopped at one worker and asked again at another one continues its chat, not a new one", async () => {
    await using stage = await startWorkers();
    using first = await connectTo(stage.gateway.url, 1);
    using second = await connectTo(stage.gateway.url, 2);
    const messages: Said[] = [user("Say one")];
    messages.push(assistant(await chatOver(second, messages)), user("Go on"));
    // The stop call takes its time: the chat is still leased when the client comes back.
    await stage.emulator.script({ on: "stop", delayMs: 500 });
    await stage.emulator.script({ match: "Go on", gate: "held", reply: { text: "one two three four five" } });
    await stage.emulator.release("held", 2);
    const reader = await readSlowly(await first.post("/v1/chat/completions", { messages, stream: true }));
    await reader.until("one");
    first[Symbol.dispose]();
    await stage.emulator.until((all) => all.some(({ on }) => on === "stop"));

    expect(await chatOver(second, messages)).not.toBe("");
    const [one, , again] = await stage.emulator.turns();
    expect(again).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId!, content: "Go on" });
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
    const firsts = new Map(
      turns.filter(({ content }) => content.startsWith("Say first")).map((turn) => [turn.chatId, turn]),
    );
    const seconds = turns.filter(({ content }) => content.startsWith("Say second"));
    const anew = turns.filter(({ content }) => content.startsWith("# Conversation so far"));
    expect([turns.length, firsts.size, seconds.length + anew.length]).toEqual([200, 100, 100]);
    expect(anew.length).toBeLessThanOrEqual(countSlowCommits(stage.gateway));
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
    const anew = turns.filter(({ content }) => content.startsWith("# Conversation so far"));
    expect(anew.length).toBeLessThanOrEqual(countSlowCommits(stage.gateway, other));
    const nodes = new Map(turns.map((turn) => [turn.responseId ?? "", turn]));
    for (const { chatId, parentId, content } of turns) {
      const [, letter = "", name = ""] = /^Say ([PQR])(\d+)$/.exec(content) ?? [];
      const before = nodes.get(parentId ?? "");
      if (letter === "P") expect(before).toBeUndefined();
      if (letter === "Q" || letter === "R") {
        const beforeIt = letter === "Q" ? "P" : "Q";
        expect([before?.chatId, before?.content.endsWith(`Say ${beforeIt}${name}`)]).toEqual([chatId, true]);
      }
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
    let anew = 0;
    for (const [index, messages] of conversations.entries()) {
      const last = messages.at(-4)!.content;
      const final = turns.find(({ content }) => content.endsWith(`Say ${index} again`));
      if (final?.parentId === null) {
        anew++;
        continue;
      }
      const before = turns.find(({ responseId }) => responseId !== undefined && responseId === final?.parentId);
      // Behind the node of the last turn that its client saw to its end, or of its repetition with all that was said.
      expect(before?.content.endsWith(last)).toBe(true);
      expect(before?.chatId).toBe(final!.chatId);
    }
    expect(anew).toBeLessThanOrEqual(countSlowCommits(stage.gateway));
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
    await stage.gateway.line((line) => line.includes("Freed the chats of a dead process"));
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
