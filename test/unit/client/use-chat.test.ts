// A chat in a real React DOM: what its messages hold, what is sent, and how it goes on after a reload.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Activity, type ActivityProps, createElement } from "react";
import { type Chat, type ChatMessage, type ChatOptions, type ChatStorage, useChat } from "../../../src/client/react.ts";
import { startChatServer, streamId } from "./chat-server.ts";
import { openDocument } from "./react-stage.ts";
import {
  type Answers,
  dropped,
  eventStreamHead,
  frame,
  hastyTimers,
  ManualTimers,
  openStream,
  scriptedFetch,
  settle,
  streamOf,
} from "./stage.ts";

let page: Awaited<ReturnType<typeof openDocument>>;
beforeAll(async () => {
  page = await openDocument();
});
afterAll(() => page.close());

const url = "/api/chat/stream";
const source = { chunk_id: "c1", document_name: "Contract", text: "One month", score: 0.9 };

function metadata(turn: number) {
  return {
    metadata: {
      stream_id: `stream-${turn}`,
      session_id: "session-1",
      user_message_id: `question-${turn}`,
      message_id: `answer-${turn}`,
    },
  };
}

function answerOf(turn: number, ...events: readonly unknown[]): Response {
  const frames = [metadata(turn), ...events, "[DONE]"].map((event, index) => frame(event, index + 1));
  return streamOf(...frames);
}

function createStorage(): ChatStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

async function openChat(answers: Answers, options: Partial<ChatOptions> = {}, isStrict = false) {
  const { fetch, asked } = scriptedFetch(...answers);
  const storage = createStorage();
  const timers = options.stream?.timers ?? hastyTimers;
  const given: ChatOptions = { url, storage, ...options, stream: { fetch, ...options.stream, timers } };
  const hook = await page.renderHook(useChat, given, {
    isStrict,
    show: ({ messages }) => messages.map(({ id, content }) => createElement("p", { key: id }, content)),
  });
  return { ...hook, asked, storage, given };
}

type Mode = "visible" | "hidden";

function ChatPage({ options, take }: { options: ChatOptions; take: (chat: Chat) => void }): null {
  take(useChat(options));
  return null;
}

const outline = (messages: readonly ChatMessage[]) =>
  messages.map(({ role, content, status }) => [role, content, status]);
const shown = () => page.texts();

describe("useChat shows", () => {
  test("the question, then an empty answer, filled by tokens [R3-059]", async () => {
    const answer = openStream();
    const chat = await openChat([answer.response]);
    let sent: Promise<void> | undefined;
    await page.perform(() => {
      sent = chat.result.current.send("Hello");
    });
    expect(outline(chat.result.current.messages)).toEqual([
      ["user", "Hello", "complete"],
      ["assistant", "", "running"],
    ]);
    expect(chat.result.current.status).toBe("streaming");
    await page.perform(async () => {
      answer.push(frame({ token: "Hi " }) + frame({ token: "there" }));
      await settle();
    });
    expect(shown()).toEqual(["Hello", "Hi there"]);
    await page.perform(async () => {
      answer.push(frame("[DONE]"));
      await sent;
    });

    expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "Hi there", "complete"]);
    expect(chat.result.current.status).toBe("ready");
    expect(chat.asked[0]?.body).toEqual({ message: "Hello", resumable: true });
  });

  test("id, role, content, time, stages, sources and quality of a message, and more [R3-060] [R3-061] [R3-062]", async () => {
    const events = [
      { stage: "query_analysis" },
      { stage: "retrieval" },
      { sources: [source] },
      { stage: "generation" },
      { reasoning: "Let me " },
      { reasoning: "see" },
      { token: "One month" },
      { quality_score: 0 },
      { follow_up_questions: ["From when?"] },
      { metadata: { finish_reason: "stop" } },
    ];
    const chat = await openChat([answerOf(1, ...events)]);
    await page.perform(() => chat.result.current.send("Notice?"));

    const [question, answer] = chat.result.current.messages;
    expect(question).toMatchObject({ role: "user", content: "Notice?", serverId: "question-1" });
    expect(answer).toEqual({
      id: expect.any(String),
      serverId: "answer-1",
      role: "assistant",
      content: "One month",
      timestamp: expect.any(Number),
      status: "complete",
      stages: ["query_analysis", "retrieval", "generation"],
      sources: [source],
      qualityScore: 0,
      followUps: ["From when?"],
      reasoning: "Let me see",
      metadata: { ...metadata(1).metadata, finish_reason: "stop" },
    });
    expect(answer?.id).not.toBe(question?.id);
    expect(chat.result.current.sessionId).toBe("session-1");
  });

  test("many tokens in few renders [R3-071]", async () => {
    const answer = openStream();
    const timers = new ManualTimers();
    const chat = await openChat([answer.response], { stream: { timers } });
    await page.perform(() => void chat.result.current.send("Count"));
    const before = chat.renders();
    await page.perform(async () => {
      for (let index = 0; index < 100; index += 1) answer.push(frame({ token: `${index} ` }));
      await timers.advance(50);
    });

    expect(chat.renders() - before).toBe(1);
    expect(chat.result.current.messages[1]?.content).toEndWith("98 99 ");
  });

  test("the text of a failure in its message [R3-063]", async () => {
    const errors: Error[] = [];
    const chat = await openChat([streamOf(frame({ token: "Hm" }), frame({ error: "The model is busy." }))], {
      onError: (error) => errors.push(error),
    });
    await page.perform(() => chat.result.current.send("Hello"));

    const { messages, status, error } = chat.result.current;
    expect(messages[1]).toMatchObject({ content: "Hm", status: "failed", error: "The model is busy." });
    expect([status, error?.message]).toEqual(["failed", "The model is busy."]);
    expect(errors).toEqual([error!]);
  });

  test("that it reconnects, and the rest of the answer [R3-070]", async () => {
    const timers = new ManualTimers();
    const first = openStream();
    const rest = streamOf(frame({ token: "two" }, 3), frame("[DONE]", 4));
    const chat = await openChat([first.response, rest], { stream: { timers } });
    await page.perform(async () => {
      void chat.result.current.send("Count");
      first.push(frame(metadata(1), 1) + frame({ token: "one " }, 2));
      await settle();
      first.drop();
      await timers.advance(50);
    });
    expect([chat.result.current.status, shown()[1]]).toEqual(["reconnecting", "one "]);
    await page.perform(() => timers.advance(1000));

    expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "one two", "complete"]);
    expect(chat.result.current.status).toBe("ready");
    expect(chat.asked[1]?.url).toBe(`${url}/stream-1`);
  });
});

describe("useChat stops", () => {
  test("here and on the server, and keeps what has come [R3-064]", async () => {
    const answer = openStream();
    const chat = await openChat([answer.response, Response.json({ stopped: true })]);
    await page.perform(async () => {
      void chat.result.current.send("Hello");
      answer.push(frame(metadata(1), 1) + frame({ token: "Hi" }, 2));
      await settle();
    });
    await page.perform(() => chat.result.current.stop());

    expect(answer.isCancelled()).toBe(true);
    expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "Hi", "stopped"]);
    expect([chat.result.current.status, chat.result.current.error]).toEqual(["ready", undefined]);
    expect([chat.asked[1]?.method, chat.asked[1]?.url]).toEqual(["DELETE", `${url}/stream-1`]);
    expect(chat.storage.kept.size).toBe(0);
  });

  test("with all that has come, also what was about to be shown; a page that goes leaves no timer", async () => {
    const timers = new ManualTimers();
    const answers = [openStream(), openStream()] as const;
    const chat = await openChat([answers[0].response, answers[1].response], { stream: { timers }, storage: null });
    const begin = (answer: (typeof answers)[number]) =>
      page.perform(async () => {
        void chat.result.current.send("Hello");
        answer.push(frame({ token: "Hi" }, 1) + frame({ reasoning: "Hm" }, 2));
        await settle();
      });
    await begin(answers[0]);
    await page.perform(() => chat.result.current.stop());
    expect(chat.result.current.messages[1]).toMatchObject({ content: "Hi", reasoning: "Hm", status: "stopped" });
    await begin(answers[1]);
    expect(timers.pending).toBeGreaterThan(0);

    await chat.unmount();
    await settle();

    expect(timers.pending).toBe(0);
  });

  test("a running answer when the next message is sent", async () => {
    const first = openStream();
    const chat = await openChat([first.response, Response.json({ stopped: true }), answerOf(2, { token: "Yes" })]);
    await page.perform(async () => {
      void chat.result.current.send("One");
      first.push(frame(metadata(1), 1) + frame({ token: "H" }, 2));
      await settle();
    });
    await page.perform(() => chat.result.current.send("Two"));

    expect(outline(chat.result.current.messages)).toEqual([
      ["user", "One", "complete"],
      ["assistant", "H", "stopped"],
      ["user", "Two", "complete"],
      ["assistant", "Yes", "complete"],
    ]);
    expect(chat.asked[2]?.body).toMatchObject({ message: "Two", session_id: "session-1", parent_id: "answer-1" });
  });

  test("nothing where nothing runs", async () => {
    const chat = await openChat([answerOf(1)]);
    await page.perform(() => chat.result.current.stop());

    expect(chat.asked).toEqual([]);
    expect(chat.result.current.status).toBe("ready");
  });
});

describe("useChat sends", () => {
  test("the session, the message to follow, what belongs to all messages and to this one", async () => {
    const chat = await openChat([answerOf(1, { token: "A" }), answerOf(2, { token: "B" })], {
      body: { model: "qwen" },
    });
    await page.perform(() => chat.result.current.send("One"));
    await page.perform(() => chat.result.current.send("Two", { attachments: [{ name: "a.txt", url: "data:,a" }] }));

    expect(chat.asked[0]?.body).toEqual({ model: "qwen", message: "One", resumable: true });
    expect(chat.asked[1]?.body).toEqual({
      model: "qwen",
      message: "Two",
      attachments: [{ name: "a.txt", url: "data:,a" }],
      session_id: "session-1",
      parent_id: "answer-1",
      resumable: true,
    });
  });

  test("a question once more by its id, as another answer in place of the first", async () => {
    const chat = await openChat([answerOf(1, { token: "Bad" }), answerOf(2, { token: "Good" })]);
    await page.perform(() => chat.result.current.send("One"));
    await page.perform(() => chat.result.current.retry());

    expect(chat.asked[1]?.body).toEqual({ retry_of: "question-1", session_id: "session-1", resumable: true });
    expect(outline(chat.result.current.messages)).toEqual([
      ["user", "One", "complete"],
      ["assistant", "Good", "complete"],
    ]);
  });

  test("a question that never reached the server as a new one", async () => {
    const chat = await openChat([new Response("", { status: 401 }), answerOf(1, { token: "Hi" })]);
    await page.perform(() => chat.result.current.send("One", { attachments: [] }));
    await page.perform(() => chat.result.current.retry(chat.result.current.messages[1]?.id));

    expect(chat.asked[1]?.body).toEqual({ message: "One", attachments: [], resumable: true });
    expect(shown()).toEqual(["One", "Hi"]);
    expect([chat.result.current.status, chat.result.current.error]).toEqual(["ready", undefined]);
  });

  test("an edited question as a branch, and shows no longer what followed", async () => {
    const answers = [1, 2, 3, 4].map((turn) => answerOf(turn, { token: `${turn}` }));
    const chat = await openChat(answers);
    await page.perform(() => chat.result.current.send("One"));
    await page.perform(() => chat.result.current.send("Two"));
    await page.perform(() => chat.result.current.edit(chat.result.current.messages[2]!.id, "Other"));
    expect(chat.asked[2]?.body).toMatchObject({ message: "Other", parent_id: "answer-1" });
    expect(shown()).toEqual(["One", "1", "Other", "3"]);
    await page.perform(() => chat.result.current.edit(chat.result.current.messages[0]!.id, "First"));

    expect(chat.asked[3]?.body).toMatchObject({ message: "First", parent_id: null, session_id: "session-1" });
    expect(shown()).toEqual(["First", "4"]);
  });

  test("nothing for messages that are not there", async () => {
    const chat = await openChat([answerOf(1)]);
    await page.perform(() => chat.result.current.retry());
    await page.perform(() => chat.result.current.edit("nobody", "x"));

    expect(chat.asked).toEqual([]);
  });

  test("into another conversation after a reset", async () => {
    const chat = await openChat([answerOf(1, { token: "A" }), answerOf(2, { token: "B" })]);
    await page.perform(() => chat.result.current.send("One"));
    await page.perform(() => chat.result.current.reset());
    expect(shown()).toEqual([]);
    await page.perform(() => chat.result.current.send("Two"));

    expect(chat.asked[1]?.body).toEqual({ message: "Two", resumable: true });
  });

  test("with functions that stay the same from render to render [R3-058]", async () => {
    const chat = await openChat([answerOf(1, { token: "A" })]);
    const first = chat.result.current;
    await page.perform(() => chat.result.current.send("One"));

    for (const name of ["send", "stop", "retry", "edit", "reset"] as const) {
      expect(chat.result.current[name]).toBe(first[name]);
    }
  });
});

describe("useChat goes on after a reload", () => {
  const events = [metadata(1), { stage: "generation" }, { token: "One " }, { token: "two" }];

  /** A page whose answer had begun when it was left. */
  async function leavePage() {
    const answer = openStream({ ...eventStreamHead, "x-stream-id": streamId });
    const chat = await openChat([answer.response]);
    await page.perform(async () => {
      void chat.result.current.send("Count", { attachments: [{ name: "large", url: "data:,large" }] });
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
      await page.until(() => chat.result.current.messages[1]?.status === "complete");

      expect(outline(chat.result.current.messages)).toEqual(whole);
      expect(chat.result.current.messages[1]?.stages).toEqual(["generation"]);
      expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
      expect(storage.kept.size).toBe(0);
      expect(chat.result.current.sessionId).toBe("session-1");
    });
  }

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
    await page.until(() => chat.result.current.messages[1]?.status === "complete");

    expect(outline(chat.result.current.messages)).toEqual(whole);
    expect(chat.result.current.messages.map(({ id }) => id)).toEqual(["q", "a"]);
    expect(chat.result.current.messages[1]?.stages).toEqual(["generation"]);
  });

  test("or says in the message why it cannot, and does not try again", async () => {
    const storage = await leavePage();
    const gone = () => Response.json({ message: "The stream has expired" }, { status: 410 });
    const chat = await openChat([gone], { storage });
    await page.perform(settle);

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
    const options: ChatOptions = { url, storage: null, stream: { fetch, timers: hastyTimers } };
    let chat: Chat | undefined;
    const take = (current: Chat) => {
      chat = current;
    };
    const shell = await page.renderHook((mode: Mode) => mode, "visible" as Mode, {
      // The types want the children among the properties, the linter behind them.
      show: (mode) => createElement(Activity, { mode } as ActivityProps, createElement(ChatPage, { options, take })),
    });
    await page.perform(async () => {
      void chat?.send("Hello");
      answer.push(frame(metadata(1), 1) + frame({ token: "H" }, 2));
      await settle();
    });
    await shell.rerender("hidden");
    await shell.rerender("visible");
    await page.until(() => chat?.status === "ready");

    expect(outline(chat?.messages ?? [])[1]).toEqual(["assistant", "H", "stopped"]);
    expect(asked.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  });

  test("once: a page that is hidden and shown again later does not begin with it anew", async () => {
    const { fetch, asked } = scriptedFetch(() => answerOf(1, { token: "Hi" }));
    const options: ChatOptions = { url, streamId: "stream-1", storage: null, stream: { fetch, timers: hastyTimers } };
    let chat: Chat | undefined;
    const take = (current: Chat) => {
      chat = current;
    };
    const shell = await page.renderHook((mode: Mode) => mode, "visible" as Mode, {
      show: (mode) => createElement(Activity, { mode } as ActivityProps, createElement(ChatPage, { options, take })),
    });
    await page.until(() => chat?.status === "ready");
    expect(outline(chat?.messages ?? [])).toEqual([["assistant", "Hi", "complete"]]);
    await shell.rerender("hidden");
    await shell.rerender("visible");
    await page.perform(settle);

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
    await page.perform(() => chat.result.current.send("Hello"));

    expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "Hi", "complete"]);
  });
});
