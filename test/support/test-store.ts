// What every Store driver must do. A driver's own test file calls testStore and adds only its oddities.

import { describe, expect, test } from "bun:test";
import type { Message } from "../../src/contract/chat-request.ts";
import type { Continuation } from "../../src/contract/continuation.ts";
import { passingSessionId, passingTimeoutMs } from "../../src/store/passing-session.ts";
import type {
  NewConversation,
  PrefixFingerprint,
  Store,
  TurnClaim,
  TurnLookup,
  TurnRecord,
} from "../../src/store/store.ts";
import type { StoreOptions } from "../../src/store/store-options.ts";
import { testAccountStore } from "./test-account-store.ts";
import { testCallerStore } from "./test-caller-store.ts";

export interface OpenedStore {
  readonly store: Store;
  /** Closes the store and opens it anew on what it left behind. Absent where nothing is left. */
  readonly reopen?: () => Promise<Store>;
}

export type OpenStore = (options: StoreOptions) => Promise<OpenedStore>;

export const sessionTimeoutMs = 30 * 24 * 3600_000;

/** A clock that only tests move. */
export function createTestClock(startMs = 1_790_000_000_000) {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance(milliseconds: number) {
      nowMs += milliseconds;
    },
  };
}

export function node(chatId: string, nodeId: string | null): Continuation {
  return { chatId, nodeId, responseId: nodeId, parentId: nodeId && `parent-of-${nodeId}` };
}

/** A history is named by a word: equal words, equal histories. */
export function fingerprintOf(history: string): PrefixFingerprint {
  return { strict: `strict:${history}`, loose: `loose:${history}`, lastTurn: `last:${history}` };
}

export function newConversation(chatId: string, changes: Partial<NewConversation> = {}): NewConversation {
  return {
    sessionId: "session",
    sessionHint: undefined,
    upstream: "qwen-web",
    account: "account",
    model: "qwen3-max",
    continuation: node(chatId, null),
    priorReplies: 0,
    byHead: false,
    replaces: undefined,
    ...changes,
  };
}

export function turnRecord(history: string, continuation: Continuation, changes: Partial<TurnRecord> = {}): TurnRecord {
  return {
    fingerprint: fingerprintOf(history),
    systemHashes: ["system"],
    toolHashes: ["tool"],
    sessionHint: undefined,
    model: "qwen3-max",
    continuation,
    settleMs: 0,
    ...changes,
  };
}

/** @param histories Longest first. */
export function byHistory(histories: readonly string[], changes: Partial<TurnLookup> = {}): TurnLookup {
  return {
    systemHashes: ["system"],
    sessionHint: undefined,
    ...changes,
    by: "history",
    prefixes: histories.map(fingerprintOf),
  };
}

export function byHead(sessionId: string): TurnLookup {
  return { systemHashes: ["system"], sessionHint: undefined, by: "head", sessionId };
}

/** A claim that a test goes on with. */
export async function begin(store: Store, lookup: TurnLookup, caller = "caller"): Promise<TurnClaim> {
  const claim = await store.beginTurn(caller, lookup);
  if (claim === undefined || claim === "busy") throw new Error(`Expected a claim, got ${claim}`);
  return claim;
}

/** One finished first turn: a chat with one node of the same name as the history. */
export async function converse(
  store: Store,
  chatId: string,
  history: string,
  changes: { record?: Partial<TurnRecord>; conversation?: Partial<NewConversation>; caller?: string } = {},
): Promise<TurnClaim> {
  const opened = newConversation(chatId, { sessionHint: changes.record?.sessionHint, ...changes.conversation });
  const claim = await store.openConversation(changes.caller ?? "caller", opened);
  await store.endTurn(claim, turnRecord(history, node(chatId, `${chatId}/${history}`), changes.record));
  return claim;
}

export function testStore(name: string, open: OpenStore): void {
  async function openWithClock() {
    const clock = createTestClock();
    const opened = await open({ clock: clock.now, sessionTimeoutMs });
    return { clock, ...opened };
  }

  test(`${name} is asked whether it can write, and nothing of it changes`, async () => {
    const { store } = await openWithClock();
    await store.openConversation("caller", newConversation("chat"));
    const before = await store.getSession("caller", "session");
    await store.probe();

    expect(await store.getSession("caller", "session")).toEqual(before);
    await store.close();
  });

  describe(`${name} continues turns`, () => {
    test("beginTurn knows nothing in an empty store", async () => {
      const { store } = await openWithClock();
      expect(await store.beginTurn("caller", byHistory([]))).toBeUndefined();
      expect(await store.beginTurn("caller", byHistory(["one"]))).toBeUndefined();
      expect(await store.beginTurn("caller", byHead("session"))).toBeUndefined();
      await store.close();
    });

    test("a conversation goes on node by node and counts its answers 1, 2, 3 [R2-030] [R2-029] [R2-026]", async () => {
      const { store: first, reopen } = await openWithClock();
      const opened = await first.openConversation("caller", newConversation("chat"));
      expect(opened.continuation).toEqual(node("chat", null));
      expect((await first.getSession("caller", "session"))?.conversations).toMatchObject([
        { messageCount: 0, nodeId: null, parentId: null, responseId: null },
      ]);
      await first.endTurn(opened, turnRecord("1", node("chat", "node-1")));
      let store = first;
      for (const turn of [2, 3]) {
        store = (await reopen?.()) ?? store;
        const claim = await begin(store, byHistory([`${turn - 1}`]));
        expect(claim).toMatchObject({
          sessionId: "session",
          conversationId: opened.conversationId,
          continuation: node("chat", `node-${turn - 1}`),
          prefixIndex: 0,
          systemHashes: ["system"],
          toolHashes: ["tool"],
        });
        await store.endTurn(claim, turnRecord(`${turn}`, node("chat", `node-${turn}`)));
        expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([
          { messageCount: turn, ...node("chat", `node-${turn}`) },
        ]);
      }
      await store.close();
    });

    test("beginTurn takes the longest known prefix", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1");
      await store.endTurn(await begin(store, byHistory(["1"])), turnRecord("2", node("chat", "node-2")));
      const claim = await begin(store, byHistory(["4", "3", "2", "1"]));
      expect([claim.prefixIndex, claim.continuation.nodeId]).toEqual([2, "node-2"]);
      await store.close();
    });

    test("beginTurn gives nothing when all that fits the longest known prefix is leased", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1");
      await store.endTurn(await begin(store, byHistory(["1"])), turnRecord("2", node("chat", "node-2")));
      await begin(store, byHistory(["2", "1"]));
      expect(await store.beginTurn("caller", byHistory(["2", "1"]))).toBeUndefined();
      await store.close();
    });

    test("beginTurn leases the chat, not the turn: its other branches wait too", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1");
      await store.endTurn(await begin(store, byHistory(["1"])), turnRecord("2", node("chat", "node-2")));
      const running = await begin(store, byHistory(["2"]));
      expect(await store.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      await store.releaseTurn(running, 0);
      expect((await begin(store, byHistory(["1"]))).continuation.nodeId).toBe("chat/1");
      await store.close();
    });

    test("a claim holds however long its turn runs", async () => {
      const { store, clock } = await openWithClock();
      await converse(store, "chat", "1");
      const claim = await begin(store, byHistory(["1"]));
      for (let minute = 0; minute < 10; minute++) {
        clock.advance(61_000);
        expect(await store.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      }
      await store.endTurn(claim, turnRecord("2", node("chat", "node-2")));
      expect((await begin(store, byHistory(["2"]))).interrupted).toBeUndefined();
      await store.close();
    });

    test("releaseTurn leaves the old node where it was", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1");
      const aborted = await begin(store, byHistory(["1"]));
      await store.noteReply(aborted, node("chat", "never-finished"));
      await store.releaseTurn(aborted, 0);
      const again = await begin(store, byHistory(["1"]));
      expect(again.continuation).toEqual(node("chat", "chat/1"));
      expect(again.interrupted).toBeUndefined();
      expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 1 }]);
      await store.close();
    });

    test("beginTurn tells when the chat has settled", async () => {
      const { store, clock } = await openWithClock();
      await converse(store, "chat", "1", { record: { settleMs: 2500.5 } });
      const ended = await begin(store, byHistory(["1"]));
      expect(ended.readyAtMs).toBe(clock.now() + 2501);
      await store.releaseTurn(ended, 4000);
      clock.advance(1000);
      const released = await begin(store, byHistory(["1"]));
      expect(released.readyAtMs).toBe(clock.now() + 3000);
      await store.releaseTurn(released, 0);
      clock.advance(1);
      expect((await begin(store, byHistory(["1"]))).readyAtMs).toBeLessThan(clock.now());
      await store.close();
    });

    test("ending or releasing a claim twice changes nothing", async () => {
      const { store } = await openWithClock();
      const first = await converse(store, "chat", "1");
      const second = await begin(store, byHistory(["1"]));
      await store.releaseTurn(first, 9000);
      await store.endTurn(first, turnRecord("ghost", node("chat", "ghost")));
      await store.noteReply(first, node("chat", "ghost"));
      expect(await store.beginTurn("caller", byHistory(["ghost"]))).toBeUndefined();
      expect(await store.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      await store.endTurn(second, turnRecord("2", node("chat", "node-2")));
      await store.endTurn(second, turnRecord("2", node("chat", "node-2")));
      expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 2 }]);
      await store.close();
    });
  });

  describe(`${name} chooses among equal fingerprints`, () => {
    test("two equal conversations at once each continue their own when their hints differ [R2-038] [R2-024]", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat-a", "1", { record: { sessionHint: "a" } });
      await converse(store, "chat-b", "1", { record: { sessionHint: "b" } });
      const a = await begin(store, byHistory(["1"], { sessionHint: "a" }));
      const b = await begin(store, byHistory(["1"], { sessionHint: "b" }));
      expect([a.continuation.chatId, b.continuation.chatId]).toEqual(["chat-a", "chat-b"]);
      expect((await store.getSession("caller", "session"))?.conversations).toHaveLength(2);
      await store.close();
    });

    test("without hints the newest that was not continued comes first, then the free one, then a continued one", async () => {
      const { store } = await openWithClock();
      for (const chat of ["oldest", "middle", "newest"]) await converse(store, chat, "1");
      const newest = await begin(store, byHistory(["1"]));
      expect(newest.continuation.chatId).toBe("newest");
      const middle = await begin(store, byHistory(["1"]));
      expect(middle.continuation.chatId).toBe("middle");
      await store.endTurn(newest, turnRecord("2", node("newest", "node-2")));
      const oldest = await begin(store, byHistory(["1"]));
      expect(oldest.continuation.chatId).toBe("oldest");
      expect((await begin(store, byHistory(["1"]))).continuation.chatId).toBe("newest");
      expect(await store.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      await store.close();
    });

    test("an equal hint outweighs equal system blocks, and these outweigh age", async () => {
      const { store } = await openWithClock();
      await converse(store, "hint-only", "1", { record: { sessionHint: "a", systemHashes: ["other"] } });
      await converse(store, "system-only", "1", { record: { sessionHint: "b" } });
      await converse(store, "both", "1", { record: { sessionHint: "a" } });
      await converse(store, "neither", "1", { record: { sessionHint: "b", systemHashes: ["other"] } });
      const order: string[] = [];
      for (;;) {
        const claim = await store.beginTurn("caller", byHistory(["1"], { sessionHint: "a" }));
        if (claim === undefined || claim === "busy") break;
        order.push(claim.continuation.chatId);
      }
      expect(order).toEqual(["both", "hint-only", "system-only"]);
      await store.close();
    });

    test("other system blocks never match without an equal hint", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1", { record: { systemHashes: ["a", "b"] } });
      for (const systemHashes of [[], ["a"], ["b", "a"], ["a,b"]]) {
        expect(await store.beginTurn("caller", byHistory(["1"], { systemHashes }))).toBeUndefined();
      }
      expect(await store.beginTurn("caller", byHistory(["1"], { systemHashes: ["a", "b"] }))).toBeDefined();
      await store.close();
    });

    test("a shorter prefix of the same application is taken when the longer one is another's", async () => {
      const { store } = await openWithClock();
      await converse(store, "mine", "1");
      await converse(store, "theirs", "2", { record: { systemHashes: ["other"] } });
      const claim = await begin(store, byHistory(["2", "1"]));
      expect([claim.continuation.chatId, claim.prefixIndex]).toEqual(["mine", 1]);
      await store.close();
    });

    const loosely = (sessionHint: string | undefined, lastTurn: string): TurnLookup => ({
      by: "history",
      systemHashes: ["changed"],
      sessionHint,
      prefixes: [{ strict: "elided", loose: "loose:1", lastTurn }],
    });

    test("the loose fingerprint counts with an equal hint and an equal last turn", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1", { record: { sessionHint: "a" } });
      expect((await begin(store, loosely("a", "last:1"))).continuation.chatId).toBe("chat");
      await store.close();
    });

    test.each([
      ["no hint", undefined, "last:1"],
      ["another hint", "b", "last:1"],
      ["another last turn", "a", "last:2"],
    ])("the loose fingerprint does not count with %s", async (_case, sessionHint, lastTurn) => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1", { record: { sessionHint: "a" } });
      await converse(store, "unhinted", "1");
      expect(await store.beginTurn("caller", loosely(sessionHint, lastTurn))).toBeUndefined();
      await store.close();
    });
  });

  describe(`${name} branches`, () => {
    test("endTurn on a continued turn makes a conversation of its own in the same session", async () => {
      const { store, clock } = await openWithClock();
      const opened = await converse(store, "chat", "1", { conversation: { priorReplies: 4 } });
      await store.endTurn(await begin(store, byHistory(["1"])), turnRecord("2a", node("chat", "node-2a")));
      await store.endTurn(await begin(store, byHistory(["2a"])), turnRecord("3a", node("chat", "node-3a")));
      clock.advance(1);
      await store.endTurn(await begin(store, byHistory(["1"])), turnRecord("2b", node("chat", "node-2b")));
      const session = await store.getSession("caller", "session");
      expect(session?.conversations).toMatchObject([
        { chatId: "chat", nodeId: "node-2b", messageCount: 6 },
        { chatId: "chat", nodeId: "node-3a", messageCount: 7, conversationId: opened.conversationId },
      ]);
      await store.close();
    });

    test("endTurn of a turn that names another session makes a conversation of its own in that one", async () => {
      const { store } = await openWithClock();
      const named = (sessionHint: string) => ({ record: { sessionHint }, conversation: { sessionId: sessionHint } });
      await converse(store, "chat", "1", named("first"));
      for (const [sessionHint, history] of [
        ["fork", "2f"],
        ["first", "2"],
        ["fork", "3f"],
      ] as const) {
        const before = history === "3f" ? ["2f", "1"] : ["1"];
        const claim = await begin(store, byHistory(before, { sessionHint }));
        await store.endTurn(claim, turnRecord(history, node("chat", history), { sessionHint }));
      }
      expect((await store.getSession("caller", "first"))?.conversations).toMatchObject([
        { chatId: "chat", nodeId: "2", messageCount: 2 },
      ]);
      expect((await store.getSession("caller", "fork"))?.conversations).toMatchObject([
        { chatId: "chat", nodeId: "3f", messageCount: 3 },
      ]);
      await store.close();
    });

    test("two branches go on side by side", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1");
      for (const branch of ["a", "b"]) {
        await store.endTurn(await begin(store, byHistory(["1"])), turnRecord(`2${branch}`, node("chat", `2${branch}`)));
      }
      for (const branch of ["a", "b"]) {
        const claim = await begin(store, byHistory([`2${branch}`, "1"]));
        expect(claim.continuation.nodeId).toBe(`2${branch}`);
        await store.endTurn(claim, turnRecord(`3${branch}`, node("chat", `3${branch}`)));
      }
      const nodes = (await store.getSession("caller", "session"))?.conversations.map((one) => one.nodeId);
      expect(nodes?.toSorted()).toEqual(["3a", "3b"]);
      await store.close();
    });

    test("beginTurn by head prefers the conversation of a client that names the session to a newer one", async () => {
      const { store, clock } = await openWithClock();
      const thin = await store.openConversation("caller", newConversation("thin", { byHead: true }));
      await store.endTurn(thin, turnRecord("1", node("thin", "node-thin")));
      clock.advance(1000);
      const title = await store.openConversation("caller", newConversation("title"));
      await store.endTurn(title, turnRecord("2", node("title", "node-title")));
      expect((await begin(store, byHead("session"))).continuation.chatId).toBe("thin");
      await store.close();
    });

    test("findUnusedChats names chats that no conversation has any more, each once", async () => {
      const { store } = await openWithClock();
      await store.releaseTurn(await store.openConversation("caller", newConversation("used")), 0);
      const { upstream, account } = newConversation("used");
      const at = (chatId: string) => ({ upstream, account, chatId });
      expect(await store.findUnusedChats([at("gone"), at("used"), at("gone")])).toEqual([at("gone")]);
      await store.close();
    });

    test("openConversation in a chat whose first turn failed takes the place of what came to nothing", async () => {
      const { store } = await openWithClock();
      const failed = await store.openConversation("caller", newConversation("chat"));
      await store.releaseTurn(failed, 0);
      const again = await store.openConversation("caller", newConversation("chat", { sessionId: "other" }));
      await store.endTurn(again, turnRecord("1", node("chat", "node-1")));
      expect(await store.getSession("caller", "session")).toBeUndefined();
      expect((await store.getSession("caller", "other"))?.conversations).toMatchObject([{ messageCount: 1 }]);
      await store.openConversation("caller", newConversation("chat"));
      expect((await store.getSession("caller", "other"))?.conversations).toHaveLength(1);
      await store.close();
    });

    test("openConversation counts the answers that the history brings along", async () => {
      const { store } = await openWithClock();
      const claim = await store.openConversation("caller", newConversation("chat", { priorReplies: 3 }));
      expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 3 }]);
      await store.endTurn(claim, turnRecord("4", node("chat", "node-4")));
      expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 4 }]);
      await store.close();
    });

    test("a lost chat is replaced in the same conversation, and its claim ends", async () => {
      const { store } = await openWithClock();
      const opened = await converse(store, "lost", "1");
      const broken = await begin(store, byHistory(["1"]));
      const replacement = { account: "other", sessionId: "ignored", priorReplies: 1, replaces: broken };
      const claim = await store.openConversation("caller", newConversation("found", replacement));
      expect(claim).toMatchObject({
        conversationId: opened.conversationId,
        sessionId: "session",
        account: "other",
        continuation: node("found", null),
      });
      await store.releaseTurn(broken, 9000);
      await store.endTurn(claim, turnRecord("2", node("found", "node-2")));
      expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([
        { chatId: "found", account: "other", nodeId: "node-2", messageCount: 2 },
      ]);
      expect((await begin(store, byHistory(["2", "1"]))).continuation).toEqual(node("found", "node-2"));
      expect((await begin(store, byHistory(["1"]))).continuation.chatId).toBe("lost");
      await store.close();
    });

    test("a replaced chat of a thin client keeps the count that its history does not show", async () => {
      const { store } = await openWithClock();
      await converse(store, "lost", "1");
      await store.endTurn(await begin(store, byHead("session")), turnRecord("2", node("lost", "node-2")));
      const broken = await begin(store, byHead("session"));
      const claim = await store.openConversation("caller", newConversation("found", { replaces: broken }));
      await store.endTurn(claim, turnRecord("3", node("found", "node-3")));
      expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 3 }]);
      await store.close();
    });

    test("a branch whose chat is lost does not take the place of the conversation it left", async () => {
      const { store } = await openWithClock();
      await converse(store, "lost", "1");
      await store.endTurn(await begin(store, byHistory(["1"])), turnRecord("2", node("lost", "node-2")));
      const broken = await begin(store, byHistory(["1"]));
      const opening = newConversation("found", { priorReplies: 1, replaces: broken });
      await store.endTurn(await store.openConversation("caller", opening), turnRecord("2b", node("found", "node-2b")));
      const conversations = (await store.getSession("caller", "session"))?.conversations;
      expect(conversations?.map((one) => [one.chatId, one.messageCount]).toSorted()).toEqual([
        ["found", 2],
        ["lost", 2],
      ]);
      await store.close();
    });
  });

  describe(`${name} continues at the head of a session`, () => {
    test("beginTurn by head continues the newest conversation, one turn after the other", async () => {
      const { store, clock } = await openWithClock();
      await converse(store, "older", "1");
      clock.advance(1);
      await converse(store, "newer", "1");
      const running = await begin(store, byHead("session"));
      expect(running).toMatchObject({
        continuation: node("newer", "newer/1"),
        prefixIndex: undefined,
        systemHashes: ["system"],
      });
      expect(await store.beginTurn("caller", byHead("session"))).toBe("busy");
      await store.endTurn(running, turnRecord("2", node("newer", "node-2")));
      expect((await begin(store, byHead("session"))).continuation.nodeId).toBe("node-2");
      await store.close();
    });

    test("beginTurn by head uses the empty chat of a first turn that failed", async () => {
      const { store } = await openWithClock();
      const failed = await store.openConversation("caller", newConversation("chat"));
      expect(await store.beginTurn("caller", byHead("session"))).toBe("busy");
      await store.releaseTurn(failed, 0);
      const again = await begin(store, byHead("session"));
      expect(again).toMatchObject({ continuation: node("chat", null), systemHashes: [], toolHashes: [] });
      await store.endTurn(again, turnRecord("1", node("chat", "node-1")));
      expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 1 }]);
      await store.close();
    });

    test("a turn without a node is never continued by history", async () => {
      const { store } = await openWithClock();
      const claim = await store.openConversation("caller", newConversation("chat"));
      await store.endTurn(claim, turnRecord("1", node("chat", null)));
      expect(await store.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      await store.close();
    });
  });

  describe(`${name} shows and forgets sessions`, () => {
    test("callers never see one another's turns and sessions [R2-038]", async () => {
      const { store } = await openWithClock();
      await converse(store, "mine", "1", { caller: "me", record: { sessionHint: "hint" } });
      expect(await store.beginTurn("you", byHistory(["1"], { sessionHint: "hint" }))).toBeUndefined();
      expect(await store.beginTurn("you", byHead("session"))).toBeUndefined();
      expect(await store.getSession("you", "session")).toBeUndefined();
      expect(await store.listSessions("you", 10)).toEqual([]);
      expect(await store.deleteSession("you", "session")).toBeUndefined();
      expect(await store.getSession("me", "session")).toBeDefined();
      await store.close();
    });

    test("openConversation takes nothing over from another caller's claim [R2-038]", async () => {
      const { store } = await openWithClock();
      await converse(store, "mine", "1", { caller: "me" });
      const running = await begin(store, byHistory(["1"]), "me");
      const foreign = await store.openConversation("you", newConversation("yours", { replaces: running }));
      expect(foreign.conversationId).not.toBe(running.conversationId);
      expect((await store.getSession("me", "session"))?.conversations).toMatchObject([{ chatId: "mine" }]);
      expect(await store.beginTurn("me", byHistory(["1"]))).toBeUndefined();
      await store.close();
    });

    test("equal first messages give one session with two conversations, the newest first [R2-024]", async () => {
      const { store, clock } = await openWithClock();
      const startMs = clock.now();
      await converse(store, "first", "1");
      clock.advance(10);
      await converse(store, "second", "1");
      const session = await store.getSession("caller", "session");
      expect(session).toMatchObject({ sessionId: "session", createdAtMs: startMs, lastAccessedMs: startMs + 10 });
      expect(session?.conversations.map((one) => one.chatId)).toEqual(["second", "first"]);
      await store.close();
    });

    test("listSessions gives the last accessed first, whole, up to the limit", async () => {
      const { store, clock } = await openWithClock();
      for (const sessionId of ["a", "b", "c", "a"]) {
        clock.advance(10);
        await converse(store, `chat-${sessionId}`, sessionId, { conversation: { sessionId } });
      }
      const listed = await store.listSessions("caller", 2);
      expect(listed.map((one) => [one.sessionId, one.conversations.length])).toEqual([
        ["a", 2],
        ["c", 1],
      ]);
      expect(listed[0]).toEqual((await store.getSession("caller", "a"))!);
      await store.close();
    });

    test("listCallers names each caller once, in order, up to the limit", async () => {
      const { store } = await openWithClock();
      expect(await store.listCallers(10)).toEqual([]);
      for (const caller of ["b", "a", "c", "a"])
        await store.openConversation(caller, newConversation(`chat-${caller}`));

      expect(await store.listCallers(10)).toEqual(["a", "b", "c"]);
      expect(await store.listCallers(2)).toEqual(["a", "b"]);
      await store.close();
    });

    test("listSessions leaves out what served one request only; whoever made it can still delete it", async () => {
      const { store, clock } = await openWithClock();
      for (const sessionId of ["mine", passingSessionId("agent", "1"), passingSessionId("agent", "2")]) {
        clock.advance(10);
        await converse(store, `chat-${sessionId}`, sessionId, { conversation: { sessionId } });
      }
      const listed = await store.listSessions("caller", 1);
      expect(listed.map((one) => one.sessionId)).toEqual(["mine"]);
      expect(await store.deleteSession("caller", passingSessionId("agent", "1"))).toHaveLength(1);
      await store.close();
    });

    test("sweepPassing takes what served one request only and was left behind for an hour", async () => {
      const { store, clock } = await openWithClock();
      await converse(store, "mine", "1", { conversation: { sessionId: "mine" } });
      await converse(store, "left", "2", { conversation: { sessionId: passingSessionId("agent", "left") } });
      clock.advance(passingTimeoutMs);
      await converse(store, "new", "3", { conversation: { sessionId: passingSessionId("agent", "new") } });
      expect(await store.sweepPassing()).toEqual([]);
      clock.advance(1);
      expect(await store.sweepPassing()).toMatchObject([{ chatId: "left" }]);
      expect(await store.sweepPassing()).toEqual([]);
      expect((await store.listSessions("caller", 10)).map((one) => one.sessionId)).toEqual(["mine"]);
      await store.close();
    });

    test("sweepPassing takes what was never answered, where it was opened by head", async () => {
      const { store, clock } = await openWithClock();
      const sessionId = passingSessionId("unwanted", "chat");
      const { upstream, account } = newConversation("chat");
      await store.releaseTurn(
        await store.openConversation("caller", newConversation("chat", { sessionId, byHead: true })),
        0,
      );
      expect(await store.findUnusedChats([{ upstream, account, chatId: "chat" }])).toEqual([]);
      clock.advance(passingTimeoutMs + 1);
      expect(await store.sweepPassing()).toMatchObject([{ upstream, account, chatId: "chat" }]);
      await store.close();
    });

    test("deleteSession takes all conversations of the session and nothing else", async () => {
      const { store } = await openWithClock();
      await converse(store, "gone-1", "1");
      await converse(store, "gone-2", "2");
      await converse(store, "kept", "3", { conversation: { sessionId: "other" } });
      const deleted = await store.deleteSession("caller", "session");
      expect(deleted?.map((one) => one.chatId).toSorted()).toEqual(["gone-1", "gone-2"]);
      expect(await store.getSession("caller", "session")).toBeUndefined();
      expect(await store.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      expect(await store.deleteSession("caller", "session")).toBeUndefined();
      expect((await begin(store, byHistory(["3"]))).continuation.chatId).toBe("kept");
      await store.close();
    });

    test("a session can be looked at and deleted while its first answer runs, and stays deleted", async () => {
      const { store } = await openWithClock();
      const running = await store.openConversation("caller", newConversation("chat", { priorReplies: 2 }));
      const other = await store.openConversation("caller", newConversation("kept", { sessionId: "other" }));
      const { conversationId } = running;
      expect(await store.listSessions("caller", 10)).toHaveLength(2);
      expect(await store.findUnusedChats([{ ...other, chatId: "kept" }])).toEqual([]);
      expect(await store.deleteSession("caller", "session")).toMatchObject([{ conversationId, messageCount: 2 }]);
      await store.endTurn(running, turnRecord("3", node("chat", "node-3")));
      await store.endTurn(other, turnRecord("1", node("kept", "node-1")));
      expect(await store.getSession("caller", "session")).toBeUndefined();
      expect(await store.beginTurn("caller", byHistory(["3"]))).toBeUndefined();
      expect((await begin(store, byHistory(["1"]))).conversationId).toBe(other.conversationId);
      await store.close();
    });

    test("a first turn that is released leaves a conversation without an answer, so that its chat can be deleted", async () => {
      const { store, clock } = await openWithClock();
      const failed = await store.openConversation("caller", newConversation("chat"));
      await store.noteReply(failed, node("chat", "never-finished"));
      clock.advance(10);
      await store.releaseTurn(failed, 3000);
      expect(await store.getSession("caller", "session")).toMatchObject({
        createdAtMs: clock.now() - 10,
        conversations: [{ ...node("chat", null), messageCount: 0 }],
      });
      const again = await begin(store, byHead("session"));
      expect(again).toMatchObject({ conversationId: failed.conversationId, interrupted: undefined });
      expect(again.readyAtMs).toBe(clock.now() + 3000);
      await store.close();
    });

    test("a first turn that ends tells when its chat has settled", async () => {
      const { store, clock } = await openWithClock();
      await converse(store, "chat", "1", { record: { settleMs: 2000 } });
      expect((await begin(store, byHistory(["1"]))).readyAtMs).toBe(clock.now() + 2000);
      await store.close();
    });

    test("a turn counts as an access of its conversation when it ends, with an answer or without", async () => {
      const { store, clock } = await openWithClock();
      await converse(store, "chat", "1");
      const accessedAt = async () => (await store.getSession("caller", "session"))?.lastAccessedMs;
      for (const isAnswered of [false, true]) {
        const claim = await begin(store, byHistory(["1"]));
        clock.advance(1000);
        if (isAnswered) await store.endTurn(claim, turnRecord("2", node("chat", "node-2")));
        else await store.releaseTurn(claim, 0);
        expect(await accessedAt()).toBe(clock.now());
      }
      await store.close();
    });

    test("a turn that ends in a deleted session does not bring it back", async () => {
      const { store } = await openWithClock();
      await converse(store, "chat", "1");
      const running = await begin(store, byHistory(["1"]));
      await store.deleteSession("caller", "session");
      await store.endTurn(running, turnRecord("2", node("chat", "node-2")));
      expect(await store.getSession("caller", "session")).toBeUndefined();
      expect(await store.beginTurn("caller", byHistory(["2"]))).toBeUndefined();
      await store.close();
    });

    test("what was not accessed within the timeout is gone, before the sweep and after it [R2-035] [R2-036]", async () => {
      const { store, clock } = await openWithClock();
      for (let index = 0; index < 250; index++) await converse(store, `chat-${index}`, "1");
      clock.advance(sessionTimeoutMs);
      expect((await store.getSession("caller", "session"))?.conversations).toHaveLength(250);
      clock.advance(1);
      expect(await store.getSession("caller", "session")).toBeUndefined();
      expect(await store.listSessions("caller", 10)).toEqual([]);
      expect(await store.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      expect(await store.beginTurn("caller", byHead("session"))).toBeUndefined();
      expect(await store.sweep()).toHaveLength(250);
      expect(await store.sweep()).toEqual([]);
      await store.close();
    });

    test("sweep spares what was accessed and what is leased", async () => {
      const { store, clock } = await openWithClock();
      await converse(store, "old", "1");
      await converse(store, "used", "2");
      await converse(store, "running", "3");
      const running = await begin(store, byHistory(["3"]));
      clock.advance(sessionTimeoutMs);
      await store.releaseTurn(await begin(store, byHistory(["2"])), 0);
      clock.advance(1);
      // A running turn renews its lease by looking up, as the timer does.
      expect(await store.beginTurn("caller", byHistory(["3"]))).toBeUndefined();
      expect((await store.sweep()).map((one) => one.chatId)).toEqual(["old"]);
      await store.endTurn(running, turnRecord("4", node("running", "node-4")));
      expect((await begin(store, byHistory(["4"]))).continuation.nodeId).toBe("node-4");
      await store.close();
    });
  });

  describe(`${name} remembers what was said`, () => {
    const says = (role: "user" | "assistant", text: string): Message =>
      role === "user"
        ? { role, content: [{ type: "text", text }] }
        : { role, content: [{ type: "text", text }], toolCalls: [] };

    test("of turns that ask for it, in order, until the conversation is deleted", async () => {
      const { store } = await openWithClock();
      const first = await store.openConversation("caller", { ...newConversation("thread"), byHead: true });
      await store.endTurn(first, {
        ...turnRecord("1", node("thread", "n1")),
        said: [says("user", "a"), says("assistant", "b")],
      });
      const second = await begin(store, byHead("session"));
      expect(await store.readMessages(second)).toEqual([says("user", "a"), says("assistant", "b")]);
      await store.endTurn(second, { ...turnRecord("2", node("thread", "n2")), said: [says("user", "c")] });
      const third = await begin(store, byHead("session"));
      expect((await store.readMessages(third)).length).toBe(3);
      await store.releaseTurn(third, 0);
      await store.deleteSession("caller", "session");
      expect(await store.readMessages(third)).toEqual([]);
      await store.close();
    });

    test("of a branch with all that its session has said before", async () => {
      const { store } = await openWithClock();
      const first = await store.openConversation("caller", { ...newConversation("thread"), byHead: true });
      await store.endTurn(first, { ...turnRecord("1", node("thread", "n1")), said: [says("user", "a")] });
      for (const [print, text] of [
        ["2", "left"],
        ["3", "right"],
      ] as const) {
        const claim = await begin(store, byHistory(["1"]));
        await store.endTurn(claim, { ...turnRecord(print, node("thread", `n${print}`)), said: [says("user", text)] });
      }
      const right = await begin(store, byHistory(["3"]));
      expect(await store.readMessages(right)).toEqual([says("user", "a"), says("user", "left"), says("user", "right")]);
      await store.close();
    });

    test("but no more than its bound, the oldest going first", async () => {
      const { store } = await openWithClock();
      const claim = await store.openConversation("caller", { ...newConversation("thread"), byHead: true });
      const long = "x".repeat(3_000_000);
      const said = ["a", "b", "c"].map((letter) => says("user", letter + long));
      await store.endTurn(claim, { ...turnRecord("1", node("thread", "n1")), said });
      expect(await store.readMessages(await begin(store, byHead("session")))).toEqual(said.slice(1));
      await store.close();
    });
  });

  testAccountStore(name, open);
  testCallerStore(name, open);
}
