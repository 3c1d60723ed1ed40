// What is deleted is gone from the file, its log and its index of words, not only out of sight.

import { Database } from "bun:sqlite";
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../../../src/contract/json.ts";
import { createDocuments } from "../../../../src/documents/documents.ts";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import type { ChatMessage } from "../../../../src/store/chat-store.ts";
import { createErasure, erasureOf } from "../../../../src/store/sqlite/erasure.ts";
import { createSqliteChat } from "../../../../src/store/sqlite/chat.ts";
import { createSqliteConversations } from "../../../../src/store/sqlite/conversations.ts";
import { createSqliteDocuments } from "../../../../src/store/sqlite/documents.ts";
import { createSqliteResponses } from "../../../../src/store/sqlite/responses.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { newResponse } from "../../../support/new-response.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const secret = "Kumquat";
const kept = "Apricot";
/** Long enough for pages of its own, and short. */
const lengths = [1, 400];
const startMs = 1_790_000_000_000;

function openChat() {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-erasure-"));
  folders.push(folder);
  const path = join(folder, "chat.db");
  const database = openChatDatabase(path, silentLog);
  let nowMs = startMs;
  const times = { clock: () => nowMs, sessionTimeoutMs: 1000 };
  return {
    path,
    database,
    advance(ms: number) {
      nowMs += ms;
    },
    chat: createSqliteChat(database, times),
    responses: createSqliteResponses(database, times),
    conversations: createSqliteConversations(database, times),
    documents: createDocuments({
      store: createSqliteDocuments(database, times),
      clock: times.clock,
      log: silentLog,
    }),
    /** The file and whatever stands beside it. */
    holds(word: string): boolean {
      const bytes = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
      return new RegExp(word, "i").test(bytes.join("\n"));
    },
    async [Symbol.asyncDispose]() {
      await erasureOf(database).close();
      database.close();
    },
  };
}

function message(id: string, content: string): ChatMessage {
  return {
    id,
    parentId: null,
    role: "user",
    content,
    status: "complete",
    createdAtMs: 1,
    streamId: undefined,
    extras: {},
  };
}

/** Things that hold a word, and how each is deleted. */
const things = {
  async "a chat session"(stage: ReturnType<typeof openChat>, word: string, text: string) {
    const turn = { sessionId: word, title: text, question: undefined, answer: message(`m-${word}`, text) };
    await stage.chat.beginTurn("me", turn);
    return () => stage.chat.deleteSession("me", word);
  },
  async "a response"(stage: ReturnType<typeof openChat>, word: string, text: string) {
    const response = { id: word, output: [{ text }] };
    const kept = { id: word, previousId: null, response, input: [{ text }] };
    await stage.responses.remember("me", newResponse(kept));
    return () => stage.responses.forget("me", word);
  },
  async "a conversation"(stage: ReturnType<typeof openChat>, word: string, text: string) {
    await stage.conversations.create("me", { id: word, metadata: {}, createdAtMs: startMs }, [{ id: "i", text }]);
    return () => stage.conversations.forget("me", word);
  },
  async "an item of a conversation"(stage: ReturnType<typeof openChat>, word: string, text: string) {
    await stage.conversations.create("me", { id: `c-${word[0]}`, metadata: {}, createdAtMs: startMs }, [
      { id: "i", text },
    ]);
    return () => stage.conversations.forgetItem("me", `c-${word[0]}`, "i");
  },
  async "a document"(stage: ReturnType<typeof openChat>, word: string, text: string) {
    const file = { name: `${word}.txt`, type: "text/plain", text };
    const { documentId } = await stage.documents.importFile("me", file);
    return () => stage.documents.remove("me", documentId).then(() => true);
  },
  async "a response that others share a beginning with"(
    stage: ReturnType<typeof openChat>,
    word: string,
    text: string,
  ) {
    const of = (one: string, input: JsonObject[]) => ({ id: one, previousId: null, response: {}, input });
    const [id, after] = [`${word[0]}1`, `${word[0]}2`];
    const beginning = { text: "said before" };
    await stage.responses.remember("me", newResponse(of(id, [beginning, { text }])));
    const shared = { id, count: 1 };
    await stage.responses.remember("me", newResponse(of(after, [beginning]), shared));
    return () => stage.responses.forget("me", id);
  },
} as const;
const kinds = Object.keys(things) as (keyof typeof things)[];

describe("what is deleted is gone from the file", () => {
  test.each(kinds.flatMap((kind) => lengths.map((length) => [kind, length] as const)))(
    "%s of %d times its words, and what is kept stays",
    async (kind, length) => {
      await using stage = openChat();
      await things[kind](stage, kept, `${kept} `.repeat(length));
      const remove = await things[kind](stage, secret, `${secret} `.repeat(length));
      expect([stage.holds(secret), stage.holds(kept)]).toEqual([true, true]);

      expect(await remove()).toBe(true);
      await erasureOf(stage.database).settled();

      expect([stage.holds(secret), stage.holds(kept)]).toEqual([false, true]);
    },
  );

  test("so is what has expired", async () => {
    await using stage = openChat();
    for (const kind of kinds.slice(0, 3)) await things[kind](stage, secret, `${secret} `.repeat(400));
    stage.advance(2000);
    await things["a chat session"](stage, kept, kept);

    for (const store of [stage.chat, stage.responses, stage.conversations]) await store.sweep();
    await erasureOf(stage.database).settled();

    expect([stage.holds(secret), stage.holds(kept)]).toEqual([false, true]);
  });

  test("while somebody reads the database it waits, and no longer", async () => {
    await using stage = openChat();
    const remove = await things["a chat session"](stage, secret, `${secret} `.repeat(400));
    const reader = new Database(stage.path, { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM chat_sessions").get();

    await remove();
    await erasureOf(stage.database).settled();
    expect(stage.holds(secret)).toBe(true);

    reader.run("COMMIT");
    reader.close();
    await erasureOf(stage.database).settled();
    expect(stage.holds(secret)).toBe(false);
  });
});

describe("an erasure", () => {
  test("comes by itself, once for many deletions", async () => {
    await using stage = openChat();
    const cleared = Promise.withResolvers<void>();
    let clearings = 0;
    const erasure = createErasure(stage.database, () => {
      clearings++;
      cleared.resolve();
      return true;
    });
    for (let count = 0; count < 5; count++) erasure.note("rows");
    await cleared.promise;
    await erasure.settled();

    expect(clearings).toBe(1);
    await erasure.close();
  });

  test("ends with its database, in the middle of its work as well, and a failure is nobody's business", async () => {
    await using stage = openChat();
    const erasure = createErasure(stage.database, () => {
      throw new Error("the disk is full");
    });
    let steps = 0;
    erasure.mergeBy(async () => {
      steps++;
      // There is always more.
      await new Promise((resolve) => setImmediate(resolve));
      return steps < 1_000_000;
    });
    erasure.note("rows");
    await erasure.settled();
    erasure.note("words");
    await erasure.close();
    const before = steps;
    await new Promise((resolve) => setImmediate(resolve));

    expect(before).toBeGreaterThan(0);
    expect(steps).toBe(before);
  });
});
