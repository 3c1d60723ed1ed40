// Chats that were made for a turn and came to nothing: who deletes them at the upstream, and when.

import { describe, expect, test } from "bun:test";
import type { Upstream } from "../../../../src/contract/upstream.ts";
import { createSessionDeletion } from "../../../../src/gateway/turns/session-deletion.ts";
import { createTurns } from "../../../../src/gateway/turns/turns.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import { passingSessionId } from "../../../../src/store/passing-session.ts";
import { parseRequest } from "../../../../src/surfaces/openai-chat/parse-request.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

const hourMs = 3_600_001;
const left = { upstream: "web", account: "a", chatId: "left" };

/** A turn that has left a chat. @param sessionId undefined: of a client's own words */
async function leaveOne(options: { readonly deleteChats: boolean; readonly sessionId?: string }) {
  let nowMs = 0;
  const { sessionId, deleteChats } = options;
  const store = createMemoryStore({ clock: () => nowMs, sessionTimeoutMs: 100 * hourMs });
  const deleted: string[] = [];
  const web: Pick<Upstream, "name" | "keepsConversations" | "deleteChat"> = {
    name: "web",
    keepsConversations: true,
    async deleteChat(_account, chatId) {
      deleted.push(chatId);
    },
  };
  const deletion = createSessionDeletion({ store, upstreams: () => [web as Upstream], deleteChats, log: silentLog });
  const turns = createTurns({ store, deletion, match: "history", commitMs: 1000, log: silentLog });
  const create = () =>
    turns.create(parseRequest({ messages: [{ role: "user", content: "Hello" }] }), "caller", {
      sessionId,
      thin: false,
    });
  const turn = create();
  await turn.begin(AbortSignal.timeout(5000), [web]);
  turn.leaveChat?.(left);
  /** It is answered in this chat. */
  const answer = async (answered: typeof turn, chatId: string): Promise<void> => {
    const continuation = { chatId, nodeId: "n", responseId: "n", parentId: null };
    // All that a turn asks of a reply.
    await answered.started("web", { account: "a", model: "qwen" } as Parameters<typeof turn.started>[1], continuation);
    const by = { upstream: "web", account: "a", model: "qwen", settleMs: 0, message: undefined };
    await answered.commit({ ...by, continuation, fingerprint: answered.createDigest().finish() });
  };
  return {
    turn,
    deleted,
    answer: (chatId: string) => answer(turn, chatId),
    async repeatIn(chatId: string): Promise<void> {
      const repeated = create();
      await repeated.begin(AbortSignal.timeout(5000), [web]);
      await answer(repeated, chatId);
    },
    deleteSession: (sessionId: string) => deletion.deleteSession("caller", sessionId),
    async sweepLater(): Promise<void> {
      nowMs += hourMs;
      await deletion.sweepSessions();
    },
  };
}

describe("chats that came to nothing", () => {
  test("go in an hour where chats go with their sessions, and stay elsewhere", async () => {
    for (const deleteChats of [true, false]) {
      const { turn, deleted, sweepLater } = await leaveOne({ deleteChats });
      await turn.release(0);
      expect(deleted).toEqual([]);
      await sweepLater();
      expect(deleted).toEqual(deleteChats ? ["left"] : []);
    }
  });

  test("stay where the repetition has taken one", async () => {
    const { turn, deleted, repeatIn, sweepLater } = await leaveOne({ deleteChats: true });
    await turn.release(0);
    await repeatIn("left");
    await sweepLater();
    expect(deleted).toEqual([]);
  });

  test("go at once with the session whose message was repeated in one", async () => {
    const { turn, deleted, repeatIn, deleteSession } = await leaveOne({ deleteChats: true, sessionId: "s" });
    await turn.release(0);
    await repeatIn("left");
    await deleteSession("s");
    expect(deleted).toEqual(["left"]);
  });

  test("stay where another attempt has taken one, and go where it has not", async () => {
    for (const chatId of ["left", "another"]) {
      const { answer, deleted, sweepLater } = await leaveOne({ deleteChats: true });
      await answer(chatId);
      await sweepLater();
      expect(deleted).toEqual(chatId === "left" ? [] : ["left"]);
    }
  });

  test("of the gateway's own questions go at once, also those that are told late", async () => {
    const { turn, deleted, sweepLater } = await leaveOne({
      deleteChats: false,
      sessionId: passingSessionId("test", "1"),
    });
    await turn.release(0);
    turn.leaveChat?.({ ...left, chatId: "late" });
    await sweepLater();
    expect(deleted.toSorted()).toEqual(["late", "left"]);
  });
});
