// A chat whose page is reloaded, or taken down and put up again, while its answer comes.

import { describe, expect, test } from "bun:test";
import type { ChatMessage, ChatStorage } from "../../../src/client/react.ts";
import { startChatServer, streamId } from "./chat-server.ts";
import { answerOf, metadata, outline, setChatStage, url } from "./chat-stage.ts";
import { dropped, eventStreamHead, frame, hastyTimers, openStream, scriptedFetch, settle } from "./stage.ts";

const { openChat, openHidablePage, perform, until, shown } = setChatStage();

describe("useChat goes on after a reload", () => {
  const events = [metadata(1), { stage: "generation" }, { token: "One " }, { token: "two" }];

  /** A page whose answer had begun when it was left. */
  async function leavePage() {
    const answer = openStream({ ...eventStreamHead, "x-stream-id": streamId });
    const chat = await openChat([answer.response]);
    await perform(async () => {
      void chat.result.current.send("Count", { attachments: [{ name: "large", url: "data:,large" }], tone: "dry" });
      answer.push(frame(metadata(1), 1) + frame({ stage: "generation" }, 2) + frame({ token: "One " }, 3));
      await settle();
    });
    expect(shown()).toEqual(["Count", "One "]);
    await chat.unmount();
    expect(answer.isCancelled()).toBe(true);
    return chat.storage;
  }

  const whole = [
    ["user", "Count", "complete"],
    ["assistant", "One two", "complete"],
  ];

  for (const isStrict of [false, true]) {
    const name = isStrict ? "in strict mode" : "by what the tab has kept";

    test(`${name}: the answer is whole, nothing stands twice`, async () => {
      const storage = await leavePage();
      expect([...storage.kept.values()].join("")).not.toContain("large");
      await using server = await startChatServer(events);
      const chat = await openChat([dropped()], { url: server.url, storage, stream: { fetch } }, isStrict);
      await until(() => chat.result.current.messages[1]?.status === "complete");

      expect(outline(chat.result.current.messages)).toEqual(whole);
      expect(chat.result.current.messages[1]?.stages).toEqual(["generation"]);
      expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
      expect(storage.kept.size).toBe(0);
      expect(chat.result.current.sessionId).toBe("session-1");
    });
  }

  test("an edited question keeps what was attached to it, which the server has", async () => {
    const storage = await leavePage();
    await using server = await startChatServer(events);
    const chat = await openChat([], { url: server.url, storage, stream: { fetch } });
    await until(() => chat.result.current.messages[1]?.status === "complete");
    await perform(() => chat.result.current.edit(chat.result.current.messages[0]!.id, "Again"));

    const { body } = server.requests.at(-1)!;
    expect(body).toMatchObject({ message: "Again", tone: "dry", attachments_of: "question-1" });
    expect(body).not.toHaveProperty("attachments");
  });

  test("by the stream that the page was given, into the message that it was given", async () => {
    await using server = await startChatServer(events);
    const answer: ChatMessage = {
      id: "a",
      role: "assistant",
      content: "One",
      timestamp: 1,
      status: "running",
      stages: ["generation"],
      sources: [],
      followUps: [],
      reasoning: "",
    };
    const question: ChatMessage = {
      ...answer,
      id: "q",
      role: "user",
      content: "Count",
      status: "complete",
      stages: [],
    };
    const chat = await openChat([dropped()], {
      url: server.url,
      streamId,
      initialMessages: [question, answer],
      stream: { fetch },
    });
    await until(() => chat.result.current.messages[1]?.status === "complete");

    expect(outline(chat.result.current.messages)).toEqual(whole);
    expect(chat.result.current.messages.map(({ id }) => id)).toEqual(["q", "a"]);
    expect(chat.result.current.messages[1]?.stages).toEqual(["generation"]);
  });

  test("or says in the message why it cannot, and does not try again", async () => {
    const storage = await leavePage();
    const gone = () => Response.json({ message: "The stream has expired" }, { status: 410 });
    const chat = await openChat([gone], { storage });
    await perform(settle);

    expect(chat.result.current.messages[1]).toMatchObject({ status: "failed", error: "The stream has expired" });
    expect(storage.kept.size).toBe(0);
  });

  test("not in another conversation, nor where that was not wanted", async () => {
    const storage = await leavePage();
    const other = await openChat([dropped()], { storage, sessionId: "session-2" });
    const unwanted = await openChat([dropped()], { storage, stream: { resume: false } });
    const forgetful = await openChat([dropped()], { storage: null });

    expect([other, unwanted, forgetful].flatMap(({ asked }) => asked)).toEqual([]);
    expect(unwanted.result.current.messages).toEqual([]);
  });

  test("as stopped, where a page is hidden and shown again and nothing was kept", async () => {
    const answer = openStream();
    const { fetch, asked } = scriptedFetch(answer.response, Response.json({ stopped: true }));
    const { chat, turn } = await openHidablePage({ url, storage: null, stream: { fetch, timers: hastyTimers } });
    await perform(async () => {
      void chat().send("Hello");
      answer.push(frame(metadata(1), 1) + frame({ token: "H" }, 2));
      await settle();
    });
    await turn("hidden");
    await turn("visible");
    await until(() => chat().status === "ready");

    expect(outline(chat().messages)[1]).toEqual(["assistant", "H", "stopped"]);
    expect(asked.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  });

  test("once: a page that is hidden and shown again later does not begin with it anew", async () => {
    const { fetch, asked } = scriptedFetch(() => answerOf(1, { token: "Hi" }));
    const stream = { fetch, timers: hastyTimers };
    const { chat, turn } = await openHidablePage({ url, streamId: "stream-1", storage: null, stream });
    await until(() => chat().status === "ready");
    expect(outline(chat().messages)).toEqual([["assistant", "Hi", "complete"]]);
    await turn("hidden");
    await turn("visible");
    await perform(settle);

    expect(asked.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("although the storage is full, or holds something else", async () => {
    const full: ChatStorage = {
      getItem: () => "{broken",
      setItem() {
        throw new DOMException("full", "QuotaExceededError");
      },
      removeItem() {},
    };
    const chat = await openChat([answerOf(1, { token: "Hi" })], { storage: full });
    await perform(() => chat.result.current.send("Hello"));

    expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "Hi", "complete"]);
  });
});
