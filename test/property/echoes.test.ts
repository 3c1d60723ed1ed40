// Parse is the inverse of encode: whatever a reply holds, what clients send back of it has the fingerprint of what they were
// sent; on one surface and across all of them, turn by turn, streamed or whole. Encoded by the gateway's own relay and
// collector, read by official packages, spelled as real clients were seen to do it, and parsed by the surfaces.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ChatRequest } from "../../src/contract/chat-request.ts";
import type { UpstreamEvent } from "../../src/contract/events.ts";
import { jsonText } from "../../src/contract/json.ts";
import { fingerprintHistory } from "../../src/conversation/fingerprints.ts";
import { parseBody } from "../../src/conversation/parse-body.ts";
import { createReplyDigest } from "../../src/conversation/reply-digest.ts";
import { Collector } from "../../src/gateway/replies/collect.ts";
import { Relay } from "../../src/gateway/replies/relay.ts";
import type { ReplyConsumer } from "../../src/gateway/replies/reply-consumer.ts";
import { SentReply } from "../../src/gateway/turns/sent-reply.ts";
import { checkChatAnswer, checkMessageAnswer, checkResponseAnswer } from "../support/checkers/check-answers.ts";
import { checkChatStream } from "../support/checkers/check-chat-stream.ts";
import { checkMessagesStream } from "../support/checkers/check-messages-stream.ts";
import { checkResponsesStream } from "../support/checkers/check-responses-stream.ts";
import { isObject, parsesAsJson } from "../support/checkers/problems.ts";
import type { ReplyPart, SaidTurn } from "../support/echo/said-turns.ts";
import { callsOf } from "../support/echo/said-turns.ts";
import { talkingNames, type TalkingName, talkingSurfaces } from "../support/echo/talking-surface.ts";
import { patienceMs, runsOf } from "./runs.ts";

/** A part of a reply in the pieces in which it comes. */
type Block =
  | { readonly type: "reasoning" | "text"; readonly pieces: readonly string[] }
  | { readonly type: "call"; readonly name: string; readonly pieces: readonly string[] };

const usage = { inputTokens: 3, outputTokens: 4, totalTokens: 7 };
const tools = ["read", "write"];

/** @param interleaved calls begin together, and are told piece by piece in turn */
function tell(consumer: ReplyConsumer, blocks: readonly Block[], turn: number, interleaved: boolean): void {
  const later: UpstreamEvent[] = [];
  for (const [index, block] of blocks.entries()) {
    const callId = `call_${turn}_${index}`;
    if (block.type === "call") consumer.event({ type: "tool-call-start", callId, toolName: block.name });
    else for (const event of later.splice(0)) consumer.event(event);
    for (const piece of block.pieces) {
      if (block.type !== "call") consumer.event({ type: `${block.type}-delta`, text: jsonText(piece) });
      else if (interleaved) later.push({ type: "tool-call-delta", callId, argumentsText: piece });
      else consumer.event({ type: "tool-call-delta", callId, argumentsText: piece });
    }
  }
  // Of each call in its order, and the last one's first: they overtake one another.
  const ids = later.flatMap((event) => ("callId" in event ? [event.callId] : []));
  for (const id of new Set(ids.toReversed())) {
    for (const event of later) if ("callId" in event && event.callId === id) consumer.event(event);
  }
}

/** The answer as it goes out, and the fingerprint under which the next request has to find it. */
function encode(name: TalkingName, request: ChatRequest, { blocks, interleaved }: Step, turn: number) {
  const { surface } = talkingSurfaces[name];
  const history = fingerprintHistory("ann", request.messages, request.tools);
  const identity = { replyId: turn.toString(16).padStart(32, "0"), model: "m", createdAtMs: 1_795_000_000_000 };
  const hooks = {
    createEncoder: () => surface.createEncoder(request, identity),
    createSent: () => new SentReply(() => createReplyDigest(history)),
    isPassThrough: false,
    clientReads() {},
    clientLeft() {},
    encodeReply: (reply: Parameters<typeof surface.encodeReply>[1]) =>
      JSON.stringify(surface.encodeReply(request, reply)),
  };
  const headers = { "content-type": request.stream ? "text/event-stream" : "application/json" };
  const relay = request.stream ? new Relay(hooks) : undefined;
  const body = relay?.open();
  const collector = relay === undefined ? new Collector(identity, hooks) : undefined;
  const consumer = relay ?? collector!;
  tell(consumer, blocks, turn, interleaved);
  consumer.settle();
  const { strict } = consumer.sent.finish();
  consumer.complete("stop", usage);
  const response = new Response(body ?? collector?.body ?? null, { headers });
  return { response, fingerprint: strict };
}

interface Step {
  readonly on: TalkingName;
  /** Counts through the clients of the surface. */
  readonly client: number;
  readonly stream: boolean;
  readonly user: string;
  readonly blocks: readonly Block[];
  readonly interleaved: boolean;
  readonly result: string;
}

/**
 * Talks step by step.
 * @returns what is wrong: an answer that clients break by, or a request that was not found to continue what was sent
 */
async function talk(steps: readonly Step[]): Promise<string[]> {
  const turns: SaidTurn[] = [];
  const wrong: string[] = [];
  let expected: string | undefined;
  for (const [turn, step] of steps.entries()) {
    const { on, client, stream, user, blocks, result } = step;
    const { surface, clients, body, read } = talkingSurfaces[on];
    const asked: SaidTurn = { user, reply: undefined, results: [] };
    const sent = body([...turns, asked], clients[client % clients.length]!, stream, tools);
    const request = surface.parseRequest(parseBody(Buffer.from(JSON.stringify(sent))));
    const { prefixes } = fingerprintHistory("ann", request.messages, request.tools);
    if (expected !== undefined && prefixes[0]?.strict !== expected) wrong.push(`turn ${turn} continues nothing`);
    const { response, fingerprint } = encode(on, request, step, turn);
    expected = fingerprint;
    const text = await response.text();
    if (blocks.every(isSound)) wrong.push(...(stream ? checks[on].stream(text) : checks[on].answer(JSON.parse(text))));
    const reply: readonly ReplyPart[] = await read(new Response(text, response), stream);
    turns.push({ user, reply, results: callsOf(reply).map(() => result) });
  }
  return wrong;
}

const checks = {
  chat: { stream: (body: string) => checkChatStream(body, { includeUsage: false }), answer: checkChatAnswer },
  messages: { stream: checkMessagesStream, answer: checkMessageAnswer },
  responses: { stream: checkResponsesStream, answer: checkResponseAnswer },
} as const;

/** Arguments that are none are told as they are where the protocol can do it. */
function isSound({ type, pieces: said }: Block): boolean {
  const text = said.join("");
  return type !== "call" || text === "" || (parsesAsJson(text) && isObject(JSON.parse(text)));
}

const word = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 8 }),
  fc.constantFrom("a", " ", "\n", "(no content)", "\ud83d", "\ude00", "🙂", "</think>", '{"a":1}', "data: [DONE]\n\n"),
);
const pieces = fc.array(word, { minLength: 1, maxLength: 4 });
/** As a model writes them: with white space or without, and cut anywhere. */
const soundPieces = fc
  .tuple(
    fc.dictionary(fc.oneof(fc.constantFrom("path", "__proto__", "é"), fc.string({ maxLength: 4 })), fc.jsonValue(), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    fc.constantFrom(undefined, 1),
    fc.nat({ max: 20 }),
    fc.boolean(),
  )
  .map(([input, indent, at, isEmpty]) => {
    const text = isEmpty && Object.keys(input).length === 0 ? "" : JSON.stringify(input, null, indent);
    return [text.slice(0, at), text.slice(at)].filter((piece) => piece !== "");
  });
/** And now and then what is no object, or no JSON. */
const callPieces = fc.oneof(
  { weight: 9, arbitrary: soundPieces },
  { weight: 1, arbitrary: fc.constantFrom(['"a.txt"'], ["[1]"], ["null"], ['{"a": @@'], ['{"a": "b']) },
);
const block: fc.Arbitrary<Block> = fc.oneof(
  fc.record({ type: fc.constantFrom("reasoning" as const, "text" as const), pieces }),
  fc.record({ type: fc.constant("call" as const), name: fc.constantFrom(...tools), pieces: callPieces }),
);
/** Something is always said: an answer without words or calls leaves no turn, nor does one that says so. */
const reply = fc.array(block, { maxLength: 4 }).map((blocks): readonly Block[] => {
  const words = blocks.flatMap(({ type, pieces: said }) => (type === "text" ? said : [])).join("");
  const isSaid = blocks.some(({ type }) => type === "call") || words.replaceAll("(no content)", "").trim() !== "";
  return isSaid ? blocks : [...blocks, { type: "text", pieces: ["I", " see"] }];
});
const stepOn = (on: fc.Arbitrary<TalkingName>): fc.Arbitrary<Step> =>
  fc.record({
    on,
    client: fc.nat({ max: 40 }),
    stream: fc.boolean(),
    user: word.map((text) => `Q ${text}`),
    blocks: reply,
    interleaved: fc.boolean(),
    result: word,
  });

test.each([...talkingNames])(
  "what clients of %s send back has the fingerprint of what they were sent",
  async (name) => {
    const steps = fc.array(stepOn(fc.constant(name)), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(steps, async (said) => {
        expect(await talk(said)).toEqual([]);
      }),
      runsOf(`echoes on ${name}`, 150),
    );
  },
  patienceMs,
);

test(
  "a conversation that goes from surface to surface has one chain",
  async () => {
    const steps = fc.array(stepOn(fc.constantFrom(...talkingNames)), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, async (said) => {
        expect(await talk(said)).toEqual([]);
      }),
      runsOf("echoes across surfaces", 300),
    );
  },
  patienceMs,
);
