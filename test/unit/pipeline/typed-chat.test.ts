// An answer from its message to its memory: what is streamed, what is kept, and what becomes of it when something fails.

import { afterEach, describe, expect, jest, test } from "bun:test";
import { flattenText } from "../../../src/contract/chat-request.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { defineNode, definePipeline, type Step } from "../../../src/pipeline/step.ts";
import { generation } from "../../../src/pipeline/steps/generation.ts";
import { BodyReader, range, settle } from "../replay/stage.ts";
import { type ChatStage, errorOf, framesOf, source, type StageOptions, startChat } from "./stage.ts";

const open: ChatStage[] = [];

function start(options?: StageOptions): ChatStage {
  const stage = startChat(options);
  open.push(stage);
  return stage;
}

afterEach(async () => {
  for (const stage of open.splice(0)) await stage.close();
});

const hello = { message: "What is the notice period?", session_id: "s1" };
/** A client that stays. */
const present = { signal: new AbortController().signal, onCut() {} };

describe("an answer", () => {
  test("says what is done, what was found, the words, their measure and what may follow [R3-017, R3-021, R3-022, R3-025]", async () => {
    const stage = start();

    const { events, ids, kinds, text } = await stage.talk(hello);

    expect(kinds).toEqual([
      "metadata",
      "query_analysis",
      "retrieval",
      "sources",
      "generation",
      "token",
      "quality",
      "quality_score",
      "follow_ups",
      "follow_up_questions",
      "metadata",
      "[DONE]",
    ]);
    expect(ids).toEqual(range(1, ids.length));
    expect(text).toBe("Two months.");
    expect(events.at(-2)).toEqual({
      metadata: {
        stream_id: expect.any(String),
        session_id: "s1",
        model: "qwen3-max",
        upstream: "u1",
        finish_reason: "stop",
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
      },
    });
  });

  test("is kept before its end is told", async () => {
    const stage = start();

    const { messageId, userMessageId } = await stage.talk(hello);

    const messages = await stage.messagesOf("s1");
    expect(messages).toMatchObject([
      { id: userMessageId, parentId: null, role: "user", content: hello.message, status: "complete" },
      {
        id: messageId,
        parentId: userMessageId,
        role: "assistant",
        content: "Two months.",
        status: "complete",
        extras: {
          model: "qwen3-max",
          upstream: "u1",
          stages: ["query_analysis", "retrieval", "generation", "quality", "follow_ups"],
          sources: [source],
          followUpQuestions: ["And then?", "Who says so?"],
          usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 },
        },
      },
    ]);
  });

  test("tokens go out while the reply runs, thoughts apart [R3-012]", async () => {
    const stage = start();
    const { reader } = await stage.send(hello);
    const reply = await stage.nextReply();

    reply.think("hm");
    await reader.until('{"reasoning":"hm"}');
    reply.say("两个", "月 🗓");
    await reader.until('{"token":"月 🗓"}');
    reply.end();

    const frames = framesOf(await reader.toEnd());
    expect(frames.ids).toEqual(range(1, frames.ids.length));
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ content: "两个月 🗓", extras: { reasoning: "hm" } });
  });

  test("gives the model the conversation, the instructions and the sources", async () => {
    const stage = start();
    await stage.talk(hello, "Two months.");
    const { reader } = await stage.send({ message: "Who says so?", session_id: "s1" });
    const reply = await stage.nextReply();
    reply.say("The contract.").end();
    await reader.toEnd();

    const said = reply.composed.request.messages.map((message) => `${message.role}: ${flattenText(message)}`);

    expect(said.slice(-3)).toEqual([`user: ${hello.message}`, "assistant: Two months.", "user: Who says so?"]);
    expect(said[0]).toContain(`<source number="1" name="contract.txt">\n${source.text}\n</source>`);
    expect(reply.composed.hints).toEqual({ sessionId: "s1", thin: false });
  });

  test("asks beside the conversation in a session of its own, which is forgotten", async () => {
    const stage = start();

    await stage.talk(hello);

    expect(stage.asked).toHaveLength(1);
    expect(stage.forgotten).toEqual([expect.stringMatching(/^ beside-[0-9a-f]{32}$/)]);
  });

  test("runs the steps that the request names, in the pipeline's order", async () => {
    const stage = start();

    const { kinds } = await stage.talk({ ...hello, options: { steps: ["quality", "generation"] } });

    expect(kinds).toEqual(["metadata", "generation", "token", "quality", "quality_score", "metadata", "[DONE]"]);
    await expect(stage.send({ ...hello, options: { steps: ["generation", "magic"] } })).rejects.toMatchObject({
      kind: "invalid-request",
      param: "options.steps[1]",
    });
  });

  test("runs a pipeline of somebody's own, whose steps may speak amid the reply: ids have no gap [R3-026]", async () => {
    const commenting: Step = {
      name: "generation",
      async *run(context) {
        yield { stage: "generation" };
        for await (const frames of context.generate([])) {
          yield frames;
          yield { stage: "still_generating" };
        }
      },
    };
    const stage = start({ pipeline: definePipeline([commenting]) });
    const { reader } = await stage.send(hello);
    const reply = await stage.nextReply();
    reply.say("a", "b");
    await reader.until("still_generating");
    // What comes while nobody asks is handed on together.
    reply.say("c").say("d").end();

    const frames = framesOf(await reader.toEnd());

    expect(frames.ids).toEqual(range(1, frames.ids.length));
    expect(frames.text).toBe("abcd");
    expect(frames.kinds.filter((kind) => kind === "still_generating").length).toBeGreaterThanOrEqual(2);
  });

  test("a step may keep the reply to itself and say something else", async () => {
    const shouting: Step = {
      name: "generation",
      async *run(context) {
        for await (const _ of context.generate(["Shout"]));
        const { answer } = context.state;
        context.state.answer = "";
        yield { token: answer.toUpperCase() };
      },
    };
    const stage = start({ pipeline: definePipeline([shouting]) });

    const frames = await stage.talk(hello, "two months");

    expect(frames.text).toBe("TWO MONTHS");
    expect(frames.ids).toEqual(range(1, frames.ids.length));
    expect((await stage.messagesOf("s1"))[1]?.content).toBe("TWO MONTHS");
  });

  test("follows the newest message, also when the clock was set back", async () => {
    let nowMs = 1_000_000;
    const stage = start({ change: { clock: () => nowMs } });
    await stage.talk(hello, "First.");
    nowMs -= 500_000;
    await stage.talk({ message: "And?", session_id: "s1" }, "Second.");
    const { reader } = await stage.send({ message: "Then?", session_id: "s1" });
    const reply = await stage.nextReply();
    reply.say("Third.").end();
    await reader.toEnd();

    const said = reply.composed.request.messages.filter(({ role }) => role !== "system").map(flattenText);

    expect(said).toEqual([hello.message, "First.", "And?", "Second.", "Then?"]);
    expect((await stage.messagesOf("s1")).map(({ content }) => content)).toEqual([...said, "Third."]);
  });

  test("a retry is a second answer beside the first", async () => {
    const stage = start();
    const first = await stage.talk(hello, "First.");

    const second = await stage.talk({ session_id: "s1", retry_of: first.userMessageId }, "Second.");

    const messages = await stage.messagesOf("s1");
    expect(messages.map(({ content, parentId }) => [content, parentId])).toEqual([
      [hello.message, null],
      ["First.", first.userMessageId],
      ["Second.", first.userMessageId],
    ]);
    expect(second.userMessageId).toBe(first.userMessageId);
  });

  test("two messages of one session at once are two branches, each with its own answer", async () => {
    const stage = start();
    const [one, two] = await Promise.all([stage.send(hello), stage.send({ ...hello, message: "Else?" })]);
    const replies = [await stage.nextReply(), await stage.nextReply()];
    for (const reply of replies) {
      const asked = reply.composed.request.messages.at(-1)!;
      reply.say(`to ${flattenText(asked)}`).end();
    }

    expect(framesOf(await one.reader.toEnd()).text).toBe(`to ${hello.message}`);
    expect(framesOf(await two.reader.toEnd()).text).toBe("to Else?");
    expect((await stage.messagesOf("s1")).map(({ status }) => status)).toEqual(Array(4).fill("complete"));
  });

  test("of a session that was deleted meanwhile is told, and not brought back", async () => {
    const stage = start();
    const { reader } = await stage.send(hello);
    const reply = await stage.nextReply();
    await stage.store.deleteSession("c", "s1");

    reply.say("Two months.").end();

    expect(framesOf(await reader.toEnd()).events.at(-1)).toBe("[DONE]");
    expect(await stage.chat.findMessages("c", "s1")).toBeUndefined();
  });
});

test("a message that comes while its session is deleted goes with it, stream and all, or stays", async () => {
  const listed = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const stage = start({
    changeStore: (store) => ({
      async listStreams(...asked) {
        const found = await store.listStreams(...asked);
        listed.resolve();
        await begun.promise;
        return found;
      },
    }),
  });
  await stage.talk(hello);
  const deleting = stage.chat.deleteSession("c", "s1");
  await listed.promise;
  await stage.send(hello);
  begun.resolve();
  await deleting;

  // Its stream was not among those that were listed.
  expect((await stage.messagesOf("s1")).map(({ status }) => status)).toEqual(["complete", "running"]);
});

describe("an answer that nobody wants any more", () => {
  test("ends the reply, and keeps what was said", async () => {
    const stage = start();
    const { reader } = await stage.send(hello);
    const reply = await stage.nextReply();
    reply.think("hm").say("Two mon");
    await reader.until("Two mon");

    await reader.hangUp();
    await reply.left;
    await stage.chat.drain();

    expect((await stage.messagesOf("s1"))[1]).toMatchObject({
      status: "stopped",
      content: "Two mon",
      extras: { reasoning: "hm", stages: ["query_analysis", "retrieval", "generation"] },
    });
    expect(reply.composed.signal.aborted).toBe(true);
  });

  test("is `running` until it is kept, and never taken for one that broke off", async () => {
    const stage = start();
    const { reader, response } = await stage.send(hello);
    const reply = await stage.nextReply();
    reply.say("Two mon");
    await reader.until("Two mon");

    expect(await stage.chat.stop("c", response.headers.get("x-stream-id")!)).toBe(true);
    const atOnce = await stage.messagesOf("s1");
    await stage.chat.drain();

    expect(["running", "stopped"]).toContain(atOnce[1]?.status ?? "none");
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "stopped", content: "Two mon" });
    expect((await stage.messagesOf("s1"))[1]?.extras.error).toBeUndefined();
    expect(errorOf(framesOf(await reader.toEnd()))).toBe("stopped");
  });

  test("is kept when a step does not listen, and what that says later changes nothing", async () => {
    jest.useFakeTimers();
    try {
      const gate = Promise.withResolvers<void>();
      const deaf: Step = {
        name: "deaf",
        async *run() {
          yield { token: "a" };
          await gate.promise;
          yield { token: "b" };
        },
      };
      const stage = start({ pipeline: definePipeline([deaf]) });
      const { reader, response } = await stage.send(hello);
      await reader.until('"a"');
      await settle();
      await stage.chat.stop("c", response.headers.get("x-stream-id")!);

      jest.advanceTimersByTime(2000);
      await stage.chat.drain();
      expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "stopped", content: "a" });
      gate.resolve();
      await settle();

      expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "stopped", content: "a" });
    } finally {
      jest.useRealTimers();
    }
  });

  test("is kept when it stands still because its reader does not read", async () => {
    const stage = start();
    const { reader, response } = await stage.send(hello);
    const reply = await stage.nextReply();
    for (let count = 0; count < 200; count++) reply.say("x".repeat(2000));
    await settle();

    await stage.chat.stop("c", response.headers.get("x-stream-id")!);
    await stage.chat.drain();

    expect((await stage.messagesOf("s1"))[1]?.status).toBe("stopped");
    await reader.hangUp();
  });

  test("stays complete when it was whole before", async () => {
    const stage = start();
    const { reader, response } = await stage.send(hello);
    (await stage.nextReply()).say("Two months.").end();
    await stage.chat.drain();

    await stage.chat.stop("c", response.headers.get("x-stream-id")!);
    await reader.hangUp();
    await settle();

    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "complete", content: "Two months." });
  });

  test("is complete when only its questions were still thought of", async () => {
    const asked = Promise.withResolvers<void>();
    const stage = start({
      ask() {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const { reader } = await stage.send(hello);
    (await stage.nextReply()).say("Two months.").end();
    await reader.until('{"stage":"follow_ups"}');
    await asked.promise;
    jest.useFakeTimers();
    try {
      await reader.hangUp();
      jest.advanceTimersByTime(2000);
      await stage.chat.drain();
    } finally {
      jest.useRealTimers();
    }

    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "complete", content: "Two months." });
  });

  test("goes on when it is resumable, and can be read on", async () => {
    const stage = start();
    const { reader, response } = await stage.send({ ...hello, resumable: true });
    const reply = await stage.nextReply();
    reply.say("Two ");
    const seen = framesOf(await reader.until('"Two "')).ids;
    await reader.hangUp();
    reply.say("months.").end();
    await stage.chat.drain();

    const rest = await stage.chat.readOn("c", response.headers.get("x-stream-id")!, seen.at(-1)!, present);

    const frames = framesOf(await new BodyReader(rest.body!).toEnd());
    expect(frames.ids[0]).toBe(seen.at(-1)! + 1);
    expect(frames.text).toBe("months.");
    expect(frames.events.at(-1)).toBe("[DONE]");
  });
});

describe("a client that has left while its answer began", () => {
  const gone = AbortSignal.abort();

  test("gets none, and the generation is not asked for", async () => {
    const stage = start();

    const response = await stage.request(hello, { signal: gone });

    expect(response.body).toBeNull();
    await stage.chat.drain();
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "stopped", content: "" });
  });

  test("can come back to it when it is resumable", async () => {
    const stage = start();
    const response = await stage.request({ ...hello, resumable: true }, { signal: gone });
    (await stage.nextReply()).say("Two months.").end();

    const again = await stage.chat.readOn("c", response.headers.get("x-stream-id")!, 0, present);

    expect(framesOf(await new BodyReader(again.body!).toEnd()).text).toBe("Two months.");
  });

  test("reads nothing on either, and disturbs nobody who does", async () => {
    const stage = start();
    const { reader, response } = await stage.send(hello);
    const streamId = response.headers.get("x-stream-id")!;

    const again = await stage.chat.readOn("c", streamId, 0, { ...present, signal: gone });

    expect(again.body).toBeNull();
    (await stage.nextReply()).say("Two months.").end();
    expect(framesOf(await reader.toEnd()).text).toBe("Two months.");
  });
});

describe("an answer that fails", () => {
  test("before its first word says why, and is kept as failed [R3-013, R3-014]", async () => {
    const stage = start({
      change: {
        gateway: {
          converse: () => Promise.reject(new GatewayError("rate-limited", "Too many requests: wait 3 s")),
          forget: async () => {},
        },
      },
    });
    const { reader } = await stage.send(hello);

    const frames = framesOf(await reader.toEnd());

    expect(errorOf(frames)).toBe("Too many requests: wait 3 s");
    expect(frames.kinds).not.toContain("[DONE]");
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({
      status: "failed",
      content: "",
      extras: { error: "Too many requests: wait 3 s" },
    });
  });

  test("amid its words keeps them [R3-013]", async () => {
    const stage = start();
    const { reader } = await stage.send(hello);
    (await stage.nextReply()).say("Two mon").fail(new GatewayError("upstream-failed", "It broke"));

    const frames = framesOf(await reader.toEnd());

    expect([frames.text, errorOf(frames)]).toEqual(["Two mon", "It broke"]);
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "failed", content: "Two mon" });
  });

  test("by a body that ends in the middle is told from one that is whole", async () => {
    const stage = start();
    const { reader } = await stage.send(hello);
    (await stage.nextReply()).say("Two mon").breakOff();

    expect(errorOf(framesOf(await reader.toEnd()))).toContain("broke off");
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "failed", content: "Two mon" });
  });

  test("to come to an end is ended, and its reply is hung up on", async () => {
    const stage = start();
    const { reader } = await stage.send(hello);
    const reply = await stage.nextReply();
    const piece = "x".repeat(1024 * 1024);
    let isOver = false;
    const read = reader.toEnd().then(() => {
      isOver = true;
    });
    for (let count = 0; count < 40 && !isOver; count++) {
      reply.say(piece);
      await settle();
    }

    await read;
    await reply.left;
    expect(errorOf(framesOf(reader.text))).toBe("The answer was ended: it is longer than 16 MB");
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "failed" });
  });

  test("by a step says nothing of the inside, which is logged [R3-084]", async () => {
    const failure = new Error("SELECT * FROM secret-1");
    const failing = defineNode("failing", () => {
      throw failure;
    });
    const stage = start({ pipeline: definePipeline([failing, generation()]) });
    const { reader } = await stage.send(hello);

    const body = await reader.toEnd();

    expect(body).not.toContain("secret-1");
    expect(errorOf(framesOf(body))).toContain("failed to handle this request");
    expect(stage.logged.map(({ error }) => error)).toContain(failure);
    expect((await stage.messagesOf("s1"))[1]?.extras.error).not.toContain("secret-1");
  });

  test("by an event that is no JSON ends with an error, and its ids have no gap [R3-014]", async () => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const odd: Step = {
      name: "odd",
      async *run() {
        yield circle as never;
      },
    };
    const stage = start({ pipeline: definePipeline([odd]) });

    const frames = framesOf(await (await stage.send(hello)).reader.toEnd());

    expect(frames.ids).toEqual([1, 2]);
    expect(errorOf(frames)).toBeString();
  });

  test("in its search goes on without documents", async () => {
    const stage = start({ change: { search: () => Promise.reject(new Error("no index")) } });

    const { kinds, events } = await stage.talk(hello);

    expect(kinds.at(-1)).toBe("[DONE]");
    expect(events).toContainEqual({ sources: [] });
    expect(stage.logged.map(({ message }) => message)).toEqual([expect.stringContaining("Cannot search")]);
  });

  test("in its questions goes on without them", async () => {
    const stage = start({ ask: () => Promise.reject(new GatewayError("upstream-failed", "No")) });

    const { kinds } = await stage.talk(hello);

    expect(kinds).toContain("follow_ups");
    expect(kinds).not.toContain("follow_up_questions");
    expect(kinds.at(-1)).toBe("[DONE]");
  });

  test("to be kept is told to its end, logged, and found in its stream later", async () => {
    let isBroken = true;
    const stage = start({
      changeStore: (store) => ({
        endTurn: (...given) => (isBroken ? Promise.reject(new Error("disk full")) : store.endTurn(...given)),
      }),
    });

    const { kinds } = await stage.talk(hello);
    isBroken = false;

    expect(kinds.at(-1)).toBe("[DONE]");
    expect(stage.logged.map(({ message }) => message)).toEqual(["Cannot keep an answer"]);
    await stage.chat.drain();
    await settle();
    expect((await stage.messagesOf("s1"))[1]).toMatchObject({ status: "complete", content: "Two months." });
  });

  test("to begin is refused, and leaves nothing that runs", async () => {
    const broken = start({ changeStore: () => ({ beginTurn: () => Promise.reject(new Error("disk full")) }) });
    await expect(broken.send(hello)).rejects.toThrow("disk full");
    expect(await broken.chat.findMessages("c", "s1")).toBeUndefined();

    const closing = start({
      change: {
        replays: {
          start() {
            throw new GatewayError("overloaded", "Cannot begin a stream: the gateway shuts down");
          },
          open: () => Promise.reject(new GatewayError("not-found", "No")),
          openRest: () => Promise.reject(new GatewayError("not-found", "No")),
          stop: async () => false,
          async forget() {},
        },
      },
    });
    await expect(closing.send(hello)).rejects.toThrow("shuts down");
    await closing.chat.drain();
    expect((await closing.messagesOf("s1"))[1]).toMatchObject({ status: "stopped", content: "" });
  });

  test("a message that the request names and that is not there is refused, and nothing is kept", async () => {
    const stage = start();

    await expect(stage.send({ ...hello, parent_id: "nowhere" })).rejects.toMatchObject({ param: "parent_id" });
    await expect(stage.send({ session_id: "s1", retry_of: "nowhere" })).rejects.toMatchObject({ param: "retry_of" });
    await expect(stage.send({ ...hello, upstream: "nobody" })).rejects.toMatchObject({ param: "upstream" });

    expect(await stage.chat.findMessages("c", "s1")).toBeUndefined();
  });

  test("a conversation that is gone is told as that: a page that still shows it names its messages", async () => {
    const stage = start();
    await stage.talk(hello);
    const [question, answer] = await stage.messagesOf("s1");
    await stage.chat.deleteSession("c", "s1");

    for (const [param, body] of [
      ["parent_id", { ...hello, parent_id: answer?.id }],
      ["retry_of", { session_id: "s1", retry_of: question?.id }],
      ["attachments_of", { ...hello, parent_id: null, attachments_of: question?.id }],
    ] as const) {
      await expect(stage.send(body)).rejects.toMatchObject({
        kind: "invalid-request",
        param,
        message: `Cannot continue this conversation by "${param}": it was deleted, has expired or never was; begin a new one`,
      });
    }
    await expect(stage.talk({ ...hello, parent_id: null })).resolves.toBeDefined();
  });
});

describe("the sessions", () => {
  test("are kept apart by their callers", async () => {
    const stage = start();
    await stage.talk(hello);
    const { reader } = await stage.send(hello, "other");
    const reply = await stage.nextReply();
    reply.say("Mine.").end();
    await reader.toEnd();

    expect(reply.composed.request.messages.filter(({ role }) => role !== "system")).toHaveLength(1);
    expect(await stage.messagesOf("s1", "other")).toHaveLength(2);
    expect(await stage.chat.findMessages("third", "s1")).toBeUndefined();
  });

  test("have the beginning of their first message for a title, whole characters of it", async () => {
    const stage = start();
    await stage.talk({ message: `  Hi\n\n  ${"👍".repeat(100)}`, session_id: "s1" });
    await stage.talk({ message: "Short\ttitle", session_id: "s2" });

    const titles = (await stage.store.listSessions("c", 10)).map(({ title }) => title);

    expect(titles).toContain("Short title");
    expect(titles).toContain(`Hi ${"👍".repeat(38)}…`);
  });

  test("without documents are not searched", async () => {
    const searched: unknown[] = [];
    const stage = start({
      change: {
        async search(_caller, query, { ids }) {
          searched.push([query, ids]);
          return [];
        },
      },
    });

    await stage.talk({ ...hello, documents: false });
    await stage.talk({ ...hello, session_id: "s2", documents: ["d1"] });
    await stage.talk({ ...hello, session_id: "s3" });

    expect(searched).toEqual([
      [hello.message, ["d1"]],
      [hello.message, undefined],
    ]);
  });
});
