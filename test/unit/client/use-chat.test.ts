// A chat in a real React DOM: what its messages hold, and what is sent.

import { describe, expect, test } from "bun:test";
import { createAssistantMessage, createUserMessage } from "../../../src/client/chat-message.ts";
import { answerOf, metadata, outline, setChatStage, source, url } from "./chat-stage.ts";
import { dropped, frame, ManualTimers, openStream, settle, streamOf } from "./stage.ts";

const { openChat, perform, shown } = setChatStage();

describe("useChat shows", () => {
  test("the question, then an empty answer, filled by tokens [R3-059]", async () => {
    const answer = openStream();
    const chat = await openChat([answer.response]);
    let sent: Promise<void> | undefined;
    await perform(() => {
      sent = chat.result.current.send("Hello");
    });
    expect(outline(chat.result.current.messages)).toEqual([
      ["user", "Hello", "complete"],
      ["assistant", "", "running"],
    ]);
    expect(chat.result.current.status).toBe("streaming");
    await perform(async () => {
      answer.push(frame({ token: "Hi " }) + frame({ token: "there" }));
      await settle();
    });
    expect(shown()).toEqual(["Hello", "Hi there"]);
    await perform(async () => {
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
    await perform(() => chat.result.current.send("Notice?"));

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
    await perform(() => void chat.result.current.send("Count"));
    const before = chat.renders();
    await perform(async () => {
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
    await perform(() => chat.result.current.send("Hello"));

    const { messages, status, error } = chat.result.current;
    expect(messages[1]).toMatchObject({ content: "Hm", status: "failed", error: "The model is busy." });
    expect([status, error?.message]).toEqual(["failed", "The model is busy."]);
    expect(errors).toEqual([error!]);
  });

  test("that a message could not be sent, for a key that no header may hold [R3-063]", async () => {
    const chat = await openChat([streamOf()], { stream: { headers: { authorization: "Bearer \u200bkey" } } });

    await perform(() => chat.result.current.send("Hello"));

    expect(chat.result.current.messages[1]).toMatchObject({
      status: "failed",
      error: "The request cannot be sent as it is.",
    });
    expect([chat.result.current.status, chat.asked.length]).toEqual(["failed", 0]);
  });

  test("that it reconnects, and the rest of the answer [R3-070]", async () => {
    const timers = new ManualTimers();
    const first = openStream();
    const rest = openStream();
    const chat = await openChat([first.response, rest.response], { stream: { timers } });
    await perform(async () => {
      void chat.result.current.send("Count");
      first.push(frame(metadata(1), 1) + frame({ token: "one " }, 2));
      await settle();
      first.drop();
      await timers.advance(50);
    });
    expect([chat.result.current.status, shown()[1]]).toEqual(["reconnecting", "one "]);
    await perform(() => timers.advance(1000));
    expect(chat.result.current.status).toBe("reconnecting");
    await perform(async () => {
      rest.push(frame({ token: "two" }, 3));
      await timers.advance(50);
    });
    expect([chat.result.current.status, shown()[1]]).toEqual(["streaming", "one two"]);
    await perform(async () => {
      rest.push(frame("[DONE]", 4));
      await settle();
    });

    expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "one two", "complete"]);
    expect(chat.result.current.status).toBe("ready");
    expect(chat.asked[1]?.url).toBe(`${url}/stream-1`);
  });
});

describe("useChat stops", () => {
  test("here and on the server, and keeps what has come [R3-064]", async () => {
    const answer = openStream();
    const chat = await openChat([answer.response, Response.json({ stopped: true })]);
    await perform(async () => {
      void chat.result.current.send("Hello");
      answer.push(frame(metadata(1), 1) + frame({ token: "Hi" }, 2));
      await settle();
    });
    await perform(() => chat.result.current.stop());

    expect(answer.isCancelled()).toBe(true);
    expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "Hi", "stopped"]);
    expect([chat.result.current.status, chat.result.current.error]).toEqual(["ready", undefined]);
    expect([chat.asked[1]?.method, chat.asked[1]?.url]).toEqual(["DELETE", `${url}/stream-1`]);
    expect(chat.storage.kept.size).toBe(0);
  });

  test("where it was begun, although the page has turned to another address", async () => {
    const answer = openStream();
    const chat = await openChat([answer.response, Response.json({ stopped: true })]);
    await perform(async () => {
      void chat.result.current.send("Hello");
      answer.push(frame(metadata(1), 1));
      await settle();
    });
    await chat.rerender({ ...chat.given, url: "/elsewhere" });

    await perform(() => chat.result.current.stop());

    expect([chat.asked[1]?.method, chat.asked[1]?.url]).toEqual(["DELETE", `${url}/stream-1`]);
  });

  describe("before the server has named the answer:", () => {
    async function stopEarly(behind: Response = Response.json({ stopped: true })) {
      const timers = new ManualTimers();
      const first = openStream();
      const chat = await openChat([first.response, behind], { stream: { timers } });
      await perform(async () => {
        void chat.result.current.send("Hello");
        await settle();
      });
      await perform(() => chat.result.current.stop());
      return { chat, timers, first };
    }

    test("as soon as it does, and shows nothing of it", async () => {
      const { chat, timers, first } = await stopEarly();
      expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "", "stopped"]);

      await perform(async () => {
        first.push(frame(metadata(1), 1) + frame({ token: "Hi" }, 2));
        await settle();
      });

      expect([chat.asked[1]?.method, chat.asked[1]?.url]).toEqual(["DELETE", `${url}/stream-1`]);
      expect(first.isCancelled()).toBe(true);
      expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "", "stopped"]);
      expect([chat.result.current.status, chat.result.current.sessionId]).toEqual(["ready", "session-1"]);
      expect(chat.storage.kept.size).toBe(0);
      expect(timers.pending).toBe(0);
    });

    test.each([
      ["an answer without a name", frame({ token: "Hi" }, 1), 0],
      ["two seconds of nothing", "", 2000],
    ])("by leaving, at %s", async (_what, said, ms) => {
      const { chat, timers, first } = await stopEarly();
      expect(first.isCancelled()).toBe(false);

      await perform(async () => {
        first.push(said);
        await timers.advance(ms);
      });

      expect(first.isCancelled()).toBe(true);
      expect(outline(chat.result.current.messages)[1]).toEqual(["assistant", "", "stopped"]);
      expect(timers.pending).toBe(0);
    });

    test("by leaving, when the next message is sent, of which nothing is stopped", async () => {
      const second = openStream();
      const { chat, timers, first } = await stopEarly(second.response);

      await perform(async () => {
        void chat.result.current.send("Again");
        await timers.advance(2000);
        second.push(frame(metadata(2), 1) + frame({ token: "Yes" }, 2) + frame("[DONE]", 3));
        await settle();
      });

      expect(first.isCancelled()).toBe(true);
      expect(outline(chat.result.current.messages)[3]).toEqual(["assistant", "Yes", "complete"]);
    });

    test("also when another conversation is shown, which stays what it is", async () => {
      const { chat, first } = await stopEarly();
      await perform(() => chat.result.current.reset([], "session-9"));

      await perform(async () => {
        first.push(frame(metadata(1), 1));
        await settle();
      });

      expect(chat.asked[1]?.url).toBe(`${url}/stream-1`);
      expect([chat.result.current.sessionId, chat.result.current.messages]).toEqual(["session-9", []]);
    });

    test("and never asks again, when the connection breaks instead", async () => {
      const { chat, timers, first } = await stopEarly();

      await perform(async () => {
        first.drop();
        await timers.advance(5000);
      });

      expect(chat.asked.map(({ method }) => method)).toEqual(["POST"]);
      expect(timers.pending).toBe(0);
    });

    test("at once, while it would have asked again", async () => {
      const timers = new ManualTimers();
      const chat = await openChat([dropped(), openStream().response], { stream: { timers } });
      await perform(async () => {
        void chat.result.current.send("Hello");
        await settle();
      });
      expect(chat.result.current.status).toBe("reconnecting");

      await perform(async () => {
        await chat.result.current.stop();
        await timers.advance(5000);
      });

      expect(chat.asked).toHaveLength(1);
      expect([chat.result.current.status, timers.pending]).toEqual(["ready", 0]);
    });

    test("at once, where the page knew the name", async () => {
      const resumed = openStream();
      const chat = await openChat([resumed.response, Response.json({ stopped: true })], { streamId: "stream-7" });
      await perform(settle);

      await perform(() => chat.result.current.stop());

      expect(resumed.isCancelled()).toBe(true);
      expect([chat.asked[1]?.method, chat.asked[1]?.url]).toEqual(["DELETE", `${url}/stream-7`]);
    });

    test("not when the page goes, which leaves no timer", async () => {
      const { chat, timers, first } = await stopEarly();

      await chat.unmount();
      await settle();

      expect([first.isCancelled(), timers.pending]).toEqual([true, 0]);
    });
  });

  test("with all that has come, also what was about to be shown; a page that goes leaves no timer", async () => {
    const timers = new ManualTimers();
    const answers = [openStream(), openStream()] as const;
    const chat = await openChat([answers[0].response, answers[1].response], { stream: { timers }, storage: null });
    const begin = (answer: (typeof answers)[number]) =>
      perform(async () => {
        void chat.result.current.send("Hello");
        answer.push(frame({ token: "Hi" }, 1) + frame({ reasoning: "Hm" }, 2));
        await settle();
      });
    await begin(answers[0]);
    await perform(() => chat.result.current.stop());
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
    await perform(async () => {
      void chat.result.current.send("One");
      first.push(frame(metadata(1), 1) + frame({ token: "H" }, 2));
      await settle();
    });
    await perform(() => chat.result.current.send("Two"));

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
    await perform(() => chat.result.current.stop());

    expect(chat.asked).toEqual([]);
    expect(chat.result.current.status).toBe("ready");
  });
});

describe("useChat sends", () => {
  test("the session, the message to follow, what belongs to all messages and to this one", async () => {
    const chat = await openChat([answerOf(1, { token: "A" }), answerOf(2, { token: "B" })], {
      body: { model: "qwen" },
    });
    await perform(() => chat.result.current.send("One"));
    await perform(() => chat.result.current.send("Two", { attachments: [{ name: "a.txt", url: "data:,a" }] }));

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

  test.each([
    ["a question", 2],
    ["an answer to it", 3],
  ])("an earlier question once more, by the id of %s: what followed leaves the page", async (_what, index) => {
    const answers = [1, 2, 3, 4].map((turn) => answerOf(turn, { token: `Answer ${turn}` }));
    const chat = await openChat(answers);
    for (const text of ["One", "Two", "Three"]) await perform(() => chat.result.current.send(text));
    await perform(() => chat.result.current.retry(chat.result.current.messages[index]?.id));

    expect(chat.asked[3]?.body).toEqual({ retry_of: "question-2", session_id: "session-1", resumable: true });
    expect(shown()).toEqual(["One", "Answer 1", "Two", "Answer 4"]);
  });

  test("a question once more by its id, as another answer in place of the first", async () => {
    const chat = await openChat([answerOf(1, { token: "Bad" }), answerOf(2, { token: "Good" })]);
    await perform(() => chat.result.current.send("One"));
    await perform(() => chat.result.current.retry());

    expect(chat.asked[1]?.body).toEqual({ retry_of: "question-1", session_id: "session-1", resumable: true });
    expect(outline(chat.result.current.messages)).toEqual([
      ["user", "One", "complete"],
      ["assistant", "Good", "complete"],
    ]);
  });

  test("a question that never reached the server as a new one", async () => {
    const chat = await openChat([new Response("", { status: 401 }), answerOf(1, { token: "Hi" })]);
    await perform(() => chat.result.current.send("One", { attachments: [] }));
    await perform(() => chat.result.current.retry(chat.result.current.messages[1]?.id));

    expect(chat.asked[1]?.body).toEqual({ message: "One", attachments: [], resumable: true });
    expect(shown()).toEqual(["One", "Hi"]);
    expect([chat.result.current.status, chat.result.current.error]).toEqual(["ready", undefined]);
  });

  test("an edited question as a branch, and shows no longer what followed", async () => {
    const answers = [1, 2, 3, 4].map((turn) => answerOf(turn, { token: `${turn}` }));
    const chat = await openChat(answers);
    await perform(() => chat.result.current.send("One"));
    await perform(() => chat.result.current.send("Two"));
    await perform(() => chat.result.current.edit(chat.result.current.messages[2]!.id, "Other"));
    expect(chat.asked[2]?.body).toMatchObject({ message: "Other", parent_id: "answer-1" });
    expect(shown()).toEqual(["One", "1", "Other", "3"]);
    await perform(() => chat.result.current.edit(chat.result.current.messages[0]!.id, "First"));

    expect(chat.asked[3]?.body).toMatchObject({ message: "First", parent_id: null, session_id: "session-1" });
    expect(shown()).toEqual(["First", "4"]);
  });

  test("the failed answer to follow, and not what is newest on the server by now", async () => {
    const chat = await openChat([
      answerOf(1, { token: "1" }),
      answerOf(2, { error: "The model is busy" }),
      answerOf(3, { token: "3" }),
      answerOf(4, { token: "4" }),
    ]);
    for (const text of ["One", "Two", "Three"]) await perform(() => chat.result.current.send(text));
    await perform(() => chat.result.current.edit(chat.result.current.messages[4]!.id, "Other"));

    expect(chat.asked.slice(2).map(({ body }) => body)).toMatchObject([
      { message: "Three", parent_id: "answer-2" },
      { message: "Other", parent_id: "answer-2" },
    ]);
  });

  test("an edited question behind what the server has in front of it, also where the page does not know its name", async () => {
    const behind = { ...metadata(2).metadata, parent_id: "answer-of-before" };
    const answers = [streamOf(frame({ metadata: behind }, 1), frame("[DONE]", 2)), answerOf(3, { token: "3" })];
    const initialMessages = [createUserMessage("One"), { ...createAssistantMessage(), status: "complete" as const }];
    const chat = await openChat(answers, { sessionId: "session-1", initialMessages });
    await perform(() => chat.result.current.send("Two"));
    await perform(() => chat.result.current.edit(chat.result.current.messages[2]!.id, "Other"));

    expect(chat.asked.map(({ body }) => (body as { parent_id?: unknown }).parent_id)).toEqual([
      undefined,
      "answer-of-before",
    ]);
  });

  test.each([
    ["first", 0, null],
    ["second", 2, "answer-1"],
  ])(
    "an edited %s question that the server refused in its place, and the next one too",
    async (_what, index, parent) => {
      const refused = () => new Response("", { status: 400 });
      const answers = [answerOf(1), answerOf(2), refused(), refused(), answerOf(3), refused(), refused(), answerOf(4)];
      const chat = await openChat(answers);
      for (const text of ["One", "Two"]) await perform(() => chat.result.current.send(text));
      const edit = (text: string) =>
        perform(() => chat.result.current.edit(chat.result.current.messages[index]!.id, text));
      await edit("Other");
      await perform(() => chat.result.current.retry());
      await perform(() => chat.result.current.retry());
      await edit("Another");
      await edit("Yet another");
      await perform(() => chat.result.current.send("Three"));

      const asked = chat.asked.slice(2).map(({ body }) => body as { message: string; parent_id?: unknown });
      expect(asked.map(({ message, parent_id }) => [message, parent_id])).toEqual([
        ["Other", parent],
        ["Other", parent],
        ["Other", parent],
        ["Another", parent],
        ["Yet another", parent],
        ["Three", parent],
      ]);
    },
  );

  test("a message behind what is shown, when another answer to an earlier question was refused", async () => {
    const chat = await openChat([answerOf(1), answerOf(2), new Response("", { status: 400 }), answerOf(3)]);
    for (const text of ["One", "Two"]) await perform(() => chat.result.current.send(text));
    await perform(() => chat.result.current.retry(chat.result.current.messages[0]!.id));
    await perform(() => chat.result.current.send("Three"));

    expect(chat.asked[3]?.body).toMatchObject({ message: "Three", parent_id: "question-1" });
  });

  test("nothing for messages that are not there", async () => {
    const chat = await openChat([answerOf(1)]);
    await perform(() => chat.result.current.retry());
    await perform(() => chat.result.current.edit("nobody", "x"));

    expect(chat.asked).toEqual([]);
  });

  test("into another conversation after a reset", async () => {
    const chat = await openChat([answerOf(1, { token: "A" }), answerOf(2, { token: "B" })]);
    await perform(() => chat.result.current.send("One"));
    await perform(() => chat.result.current.reset());
    expect(shown()).toEqual([]);
    await perform(() => chat.result.current.send("Two"));

    expect(chat.asked[1]?.body).toEqual({ message: "Two", resumable: true });
  });

  test("with functions that stay the same from render to render [R3-058]", async () => {
    const chat = await openChat([answerOf(1, { token: "A" })]);
    const first = chat.result.current;
    await perform(() => chat.result.current.send("One"));

    for (const name of ["send", "stop", "retry", "edit", "reset"] as const) {
      expect(chat.result.current[name]).toBe(first[name]);
    }
  });
});
