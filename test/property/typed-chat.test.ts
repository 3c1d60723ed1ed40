// What holds of the typed chat for whatever models, documents and people say.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ChatSource } from "../../src/contract/chat-stream.ts";
import { jsonText } from "../../src/contract/json.ts";
import { createEventStream } from "../../src/pipeline/event-stream.ts";
import { beginningOf, endOf } from "../../src/contract/excerpt.ts";
import { FrameWriter, lastIdOf, numberedFrom } from "../../src/pipeline/frame-writer.ts";
import { placeOf } from "../../src/pipeline/message-tree.ts";
import { parseTypedChatRequest } from "../../src/pipeline/parse-request.ts";
import { readJson } from "../../src/pipeline/read-json.ts";
import { openChatDatabase } from "../../src/store/chat-database.ts";
import { inMemory } from "../../src/store/open-database.ts";
import { createSqliteChat } from "../../src/store/sqlite/chat.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { brokenOff, recoverAnswers } from "../../src/pipeline/recover-answers.ts";
import { emptyState, runPipeline } from "../../src/pipeline/run-pipeline.ts";
import { defineNode, definePipeline, type PipelineState } from "../../src/pipeline/step.ts";
import { readQuestions } from "../../src/pipeline/steps/follow-ups.ts";
import { measureQuality } from "../../src/pipeline/steps/quality.ts";
import { analyseByRules } from "../../src/pipeline/steps/query-analysis.ts";
import { shareIn, termsOf } from "../../src/pipeline/terms.ts";
import type { ChatMessage } from "../../src/store/chat-store.ts";
import { GatewayError } from "../../src/contract/gateway-error.ts";
import { createSseDecoder } from "../../src/sse/sse-decoder.ts";
import { patienceMs, runsOf } from "./runs.ts";

/** Words that meet again, in several scripts, among anything else. */
const text = fc.oneof(
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          "notice",
          "notices",
          "period",
          "contract",
          "months",
          "two",
          "the",
          "Frist",
          "通知期",
          "两个月",
          "12",
          "👍",
        ),
        fc.string({ unit: "grapheme", maxLength: 8 }),
      ),
      { maxLength: 30 },
    )
    .map((words) => words.join(" ")),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const source: fc.Arbitrary<ChatSource> = fc.record({
  chunk_id: fc.string(),
  document_name: fc.string(),
  text,
  score: fc.double({ min: 0, max: 1, noNaN: true }),
});
const finishReason: fc.Arbitrary<PipelineState["finishReason"]> = fc.constantFrom("stop", "length", undefined);

describe("measureQuality", () => {
  function measure(message: string, answer: string, sources: readonly ChatSource[], reason = finishReasonOf("stop")) {
    return measureQuality({ message, state: { ...emptyState(message), answer, sources, finishReason: reason } });
  }

  function finishReasonOf(reason: PipelineState["finishReason"]) {
    return reason;
  }

  test(
    "is 0 to 1 in hundredths, and 0 of nothing [R3-021]",
    () => {
      fc.assert(
        fc.property(
          text,
          text,
          fc.array(source, { maxLength: 4 }),
          finishReason,
          (message, answer, sources, reason) => {
            const score = measure(message, answer, sources, reason);
            expect(score).toBeWithin(0, 1.0001);
            expect(Math.round(score * 100) / 100).toBe(score);
            if (answer.trim() === "") expect(score).toBe(0);
            expect(measure(message, "", sources, reason)).toBe(0);
          },
        ),
        runsOf("typed chat: quality in bounds", 500),
      );
    },
    patienceMs,
  );

  test(
    "is never lowered by more grounding",
    () => {
      fc.assert(
        fc.property(
          text,
          text,
          fc.array(source, { minLength: 1, maxLength: 4 }),
          source,
          text,
          (message, answer, sources, more, addition) => {
            const before = measure(message, answer, sources);
            expect(measure(message, answer, [...sources, more])).toBeGreaterThanOrEqual(before);
            expect(measure(message, answer, [more, ...sources])).toBeGreaterThanOrEqual(before);
            const [first, ...rest] = sources;
            const longer = { ...first!, text: `${first!.text} ${addition}` };
            expect(measure(message, answer, [longer, ...rest])).toBeGreaterThanOrEqual(before);
          },
        ),
        runsOf("typed chat: grounding", 500),
      );
    },
    patienceMs,
  );

  test(
    "is never raised by words that ran out",
    () => {
      fc.assert(
        fc.property(text, text, fc.array(source, { maxLength: 3 }), (message, answer, sources) => {
          expect(measure(message, answer, sources, "length")).toBeLessThanOrEqual(measure(message, answer, sources));
        }),
        runsOf("typed chat: words that ran out", 500),
      );
    },
    patienceMs,
  );
});

test(
  "shareIn is 0 to 1, all of a text in itself, and grows with what it is compared with",
  () => {
    fc.assert(
      fc.property(text, text, text, (one, other, more) => {
        const terms = termsOf(one);
        const share = shareIn(terms, termsOf(other));
        expect(share).toBeWithin(0, 1.0001);
        if (terms.size > 0) expect(shareIn(terms, terms)).toBe(1);
        expect(shareIn(terms, new Set([...termsOf(other), ...termsOf(more)]))).toBeGreaterThanOrEqual(share);
      }),
      runsOf("typed chat: shares", 500),
    );
  },
  patienceMs,
);

describe("frames", () => {
  const said = fc.array(
    fc.oneof(fc.tuple(fc.constant("token"), fc.string({ unit: "binary" })), fc.tuple(fc.constant("stage"), text)),
    {
      minLength: 1,
      maxLength: 12,
    },
  );

  test(
    "come out of a decoder as they went in, numbered from wherever they begin, however they are cut",
    () => {
      fc.assert(
        fc.property(said, fc.nat(1_000_000), fc.nat(1_000_000), fc.nat(30), (events, lastId, firstId, cut) => {
          const frames = new FrameWriter(lastId);
          for (const [kind, value] of events) {
            if (kind === "token") frames.token(jsonText(value));
            else frames.event({ stage: value });
          }
          const bytes = frames.take();
          expect(lastIdOf(bytes)).toBe(lastId + events.length);
          const numbered = numberedFrom(firstId, bytes);
          expect(lastIdOf(numbered)).toBe(firstId + events.length - 1);

          const read: [string, unknown][] = [];
          const decoder = createSseDecoder({
            event: ({ data, id }) => void read.push([id, JSON.parse(new TextDecoder().decode(data))]),
          });
          for (let at = 0; at < numbered.length; at += cut + 1) decoder.feed(numbered.subarray(at, at + cut + 1));
          decoder.end();
          expect(read).toEqual(
            events.map(([kind, value], index) => [
              String(firstId + index),
              JSON.parse(JSON.stringify({ [kind]: value.toWellFormed() })),
            ]),
          );
        }),
        runsOf("typed chat: frames", 1000),
      );
    },
    patienceMs,
  );

  test(
    "of a pipeline of nodes are its stages and words, and end once [R3-026, R3-014]",
    async () => {
      const nodes = fc.array(fc.record({ words: fc.array(text, { maxLength: 4 }), fails: fc.boolean() }), {
        minLength: 1,
        maxLength: 5,
      });
      await fc.assert(
        fc.asyncProperty(nodes, async (given) => {
          const pipeline = definePipeline(
            given.map(({ words, fails }, index) =>
              defineNode(`n${index}`, () => {
                if (fails && index === given.length - 1) throw new Error("hidden");
                return { answer: pieces(words) };
              }),
            ),
          );

          const body = await new Response(createEventStream(runPipeline(pipeline, { message: "x" }))).text();

          const data = [...body.matchAll(/(?<=^|\n\n)id: (\d+)\ndata: ([^\n]*)\n(?=\n)/g)];
          expect(data.map(([, id]) => Number(id))).toEqual(data.map((_, index) => index + 1));
          const hasFailed = given.at(-1)!.fails;
          expect(data.filter(([, , frame]) => frame === "[DONE]" || frame?.startsWith('{"error"'))).toHaveLength(1);
          expect(data.at(-1)?.[2] === "[DONE]").toBe(!hasFailed);
          expect(data.filter(([, , frame]) => frame?.startsWith('{"stage"'))).toHaveLength(given.length);
        }),
        runsOf("typed chat: pipelines of nodes", 200),
      );
    },
    patienceMs,
  );

  async function* pieces(words: readonly string[]): AsyncGenerator<string> {
    yield* words;
  }
});

describe("what models say", () => {
  test(
    "readJson finds the JSON that stands in a sentence or a fence, and never throws",
    () => {
      fc.assert(
        fc.property(
          fc.oneof(fc.array(fc.jsonValue({ maxDepth: 2 })), fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))),
          fc.string(),
          (value, noise) => {
            const json = JSON.stringify(value);
            const same = JSON.parse(json);
            const words = noise.replaceAll(/[[\]{}`"\d]/g, "");
            expect(readJson(json)).toEqual(same);
            if (!json.includes("```"))
              expect(readJson(`Here: ${words}\n\`\`\`json\n${json}\n\`\`\`\n${words}`)).toEqual(same);
            expect(readJson(`Here: ${words} ${json} ${words}.`)).toEqual(same);
            readJson(noise);
            readJson(`${noise}${json.slice(0, -1)}`);
          },
        ),
        runsOf("typed chat: JSON in words", 1000),
      );
    },
    patienceMs,
  );

  test(
    "readQuestions gives at most as many as are wanted, each one line, none twice",
    () => {
      const answer = fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(fc.oneof(text, fc.jsonValue())).map((list) => JSON.stringify(list)),
        fc.array(text).map((lines) => lines.map((line) => `- ${line}?`).join("\n")),
      );
      fc.assert(
        fc.property(answer, fc.integer({ min: 1, max: 5 }), (said, count) => {
          const questions = readQuestions(said, count);
          expect(questions.length).toBeLessThanOrEqual(count);
          expect(new Set(questions).size).toBe(questions.length);
          for (const question of questions) {
            expect(question.trim()).toBe(question);
            expect(question.length).toBeWithin(1, 201);
            expect(question).not.toMatch(/[\r\n]/);
          }
        }),
        runsOf("typed chat: questions", 1000),
      );
    },
    patienceMs,
  );
});

test(
  "analyseByRules looks for something whenever it looks, and never for too much",
  () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 3000 }), fc.option(text), (message, before) => {
        const history =
          before === null ? [] : [{ role: "user" as const, content: [{ type: "text" as const, text: before }] }];
        const { query, needsDocuments } = analyseByRules({ message, history });
        expect(query.length).toBeLessThanOrEqual(2000);
        if (message.isWellFormed() && (before ?? "").isWellFormed()) expect(query.isWellFormed()).toBe(true);
        if (needsDocuments) expect(query.trim()).not.toBe("");
      }),
      runsOf("typed chat: analysis", 1000),
    );
  },
  patienceMs,
);

test(
  "beginningOf and endOf keep texts well formed, and lose one unit at most",
  () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(30), (given, most) => {
        const whole = given.toWellFormed();
        for (const [cut, isPart] of [
          [beginningOf(whole, most), whole.startsWith(beginningOf(whole, most))],
          [endOf(whole, most), whole.endsWith(endOf(whole, most))],
        ] as const) {
          expect(isPart).toBe(true);
          expect(cut.isWellFormed()).toBe(true);
          expect(cut.length).toBeWithin(Math.max(Math.min(most, whole.length) - 1, 0), most + 1);
        }
      }),
      runsOf("typed chat: excerpts", 1000),
    );
  },
  patienceMs,
);

test(
  "findPath walks any tree, broken ones too, and says each message once",
  async () => {
    const messages = fc.integer({ min: 1, max: 12 }).chain((count) =>
      fc.array(
        fc.record({
          parent: fc.option(fc.integer({ min: 0, max: count }), { nil: null }),
          isUser: fc.boolean(),
          content: fc.constantFrom("", "a", "b"),
        }),
        { minLength: count, maxLength: count },
      ),
    );
    using database = openChatDatabase(inMemory, silentLog);
    const store = createSqliteChat(database, { clock: Date.now, sessionTimeoutMs: 3_600_000 });
    await fc.assert(
      fc.asyncProperty(messages, fc.nat(12), async (given, at) => {
        const sessionId = crypto.randomUUID();
        const tree = given.map(({ parent, isUser, content }, index): ChatMessage => ({
          id: `m${index}`,
          parentId: parent === null ? null : `m${parent}`,
          role: isUser ? "user" : "assistant",
          content,
          status: "complete",
          createdAtMs: index,
          streamId: undefined,
          extras: {},
        }));
        for (const answer of tree) {
          await store.beginTurn("c", { sessionId, title: "t", question: undefined, answer });
        }
        const asked = `m${at % tree.length}`;

        const { messages: path, newestId } = await store.findPath("c", sessionId, asked);

        expect(newestId).toBe(tree.at(-1)?.id);
        const ids = path.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const [index, message] of path.slice(1).entries()) expect(message.parentId).toBe(ids[index]!);
        const { history, parentId } = placeOf({ parentId: asked, retryOf: undefined }, path);
        expect(parentId).toBe(asked);
        expect(history).toHaveLength(path.filter(({ role, content }) => role === "user" || content !== "").length);
      }),
      runsOf("typed chat: trees", 200),
    );
  },
  patienceMs,
);

test(
  "parseTypedChatRequest takes or refuses, and never breaks",
  () => {
    const field = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: "binary" }));
    const body = fc.oneof(
      field,
      fc.record(
        Object.fromEntries(
          [
            "message",
            "session_id",
            "model",
            "upstream",
            "parent_id",
            "retry_of",
            "documents",
            "attachments",
            "resumable",
            "options",
          ].map((name) => [name, field]),
        ),
        { requiredKeys: [] },
      ),
      fc.record({ message: fc.string({ unit: "binary", minLength: 1 }), session_id: fc.string({ unit: "binary" }) }),
    );
    fc.assert(
      fc.property(body, (given) => {
        try {
          const request = parseTypedChatRequest(given, new Headers());
          expect(encodeURIComponent(request.sessionId)).not.toBe("");
          expect(request.message.trim() !== "" || request.retryOf !== undefined).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect((error as GatewayError).kind).toBe("invalid-request");
        }
      }),
      runsOf("typed chat: requests", 1000),
    );
  },
  patienceMs,
);

test(
  "recoverAnswers reads as many whole words as a torn stream holds",
  async () => {
    const words = fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 1, maxLength: 6 });
    const begun: ChatMessage = {
      id: "a",
      parentId: null,
      role: "assistant",
      content: "",
      status: "running",
      createdAtMs: 1,
      streamId: "s",
      extras: {},
    };
    await fc.assert(
      fc.asyncProperty(words, fc.double({ min: 0, max: 1, noNaN: true }), async (given, share) => {
        const frames = new FrameWriter();
        for (const token of given) frames.event({ token });
        const bytes = frames.take();
        const torn = bytes.slice(0, Math.floor(bytes.length * share));

        const [message] = await recoverAnswers([begun], {
          caller: "c",
          sessionId: "s",
          running: new Set(),
          replays: { open: async () => new Response(torn).body! },
          store: { recoverTurn: async () => {} },
        });

        expect(message).toMatchObject({ status: "failed", extras: { error: brokenOff } });
        const beginnings = given.map((_, index) => given.slice(0, index + 1).join(""));
        expect(["", ...beginnings]).toContain(message!.content);
      }),
      runsOf("typed chat: torn streams", 300),
    );
  },
  patienceMs,
);
