// A client that keeps a tree of conversations, a gateway, and the emulated Qwen as the judge of what was continued.
// Words are tokens (q1, r2-0), so that what a turn stood on can be read off the emulator's tree, however it got there.

import type { RecordedRequest } from "../../src/emulator/qwen-web-emulator.ts";
import type { QwenCompletionBody } from "../../src/wire/qwen-web.ts";
import { bodyOf, type ClientMessage, untilIdle } from "../http/client.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { parseChatStream } from "../support/sse-frames.ts";

const keys = ["key-of-ann", "key-of-bob"] as const;

/** A place in a conversation that the client may go on from. */
export interface Place {
  readonly key: string;
  readonly system: string | undefined;
  readonly messages: readonly ClientMessage[];
  /** Its answer came whole, so that Qwen has it in a chat and nothing but the next message has to be told. */
  readonly isWhole: boolean;
}

/** One turn as the client means it. */
export interface Ask {
  readonly from: Place;
  readonly question: string;
  readonly stream: boolean;
  /** Resends the history in other shapes than it got it. */
  readonly reshaped: boolean;
}

export interface World extends AsyncDisposable {
  readonly harness: Harness;
  readonly places: readonly Place[];
  /** Only the next message has to be told there. */
  isKnown(place: Place): boolean;
  /** Qwen forgets all chats. */
  forget(): void;
  /**
   * Sends it; the answer, or undefined when it failed. Adds the place behind the answer.
   * @param chat "refused": Qwen is going to say that it does not know the chat. @defaultValue "open"
   */
  say(ask: Ask, chat?: "open" | "refused"): Promise<string | undefined>;
  /** Sends it and hangs up after the first word, or before it. @param keeps the client goes on with what it has read */
  leave(ask: Ask, after: "first word" | "nothing", keeps: boolean): Promise<void>;
  /** All at the same time. */
  sayAll(asks: readonly Ask[]): Promise<void>;
}

/** As the emulator is told to answer, one delta each. */
export function answerOf(ordinal: number): string[] {
  return [`r${ordinal}-0`, ` r${ordinal}-1`, ` r${ordinal}-2`];
}

export async function createWorld(): Promise<World> {
  const harness = await startHarness({ environment: { API_KEY: keys.join(",") } });
  const { emulator } = harness;
  const chatKeys = new Map<string, string>();
  const places: Place[] = keys.flatMap((key) =>
    [undefined, "Follow rule s1"].map((system) => ({ key, system, messages: [], isWhole: false })),
  );
  /** Histories that Qwen had once and may have lost: an equal one may be told anew. */
  const stale = new Set<string>();
  let seenOrdinal = 0;
  let gates = 0;

  const bodyFor = ({ from, question, stream, reshaped }: Ask): unknown => {
    const history = reshaped ? from.messages.map(reshape) : from.messages;
    const rules = from.system === undefined ? [] : [{ role: "system", content: from.system }];
    return { model: "qwen3-max", stream, messages: [...rules, ...history, { role: "user", content: question }] };
  };
  const send = (ask: Ask, signal?: AbortSignal): Promise<Response> => {
    const headers = { authorization: `Bearer ${ask.from.key}` };
    return harness.chat(bodyFor(ask), signal === undefined ? { headers } : { headers, signal });
  };

  async function answerTo(ask: Ask): Promise<string | undefined> {
    const response = await send(ask);
    if (!ask.stream) {
      // The shape is what the surface promises.
      const whole = JSON.parse(await response.text()) as { choices?: readonly { message: { content: string } }[] };
      return whole.choices?.[0]?.message.content;
    }
    const stream = parseChatStream(await bodyOf(response));
    return stream.error === undefined && stream.finishReasons.length === 1 ? stream.text : undefined;
  }

  function makeStale(): void {
    for (const place of places) stale.add(historyOf(place));
  }
  function isKnown(place: Place): boolean {
    return place.isWhole && !stale.has(historyOf(place));
  }

  function remember(ask: Ask, answer: string, isWhole: boolean): void {
    const messages = [
      ...ask.from.messages,
      { role: "user", content: ask.question },
      { role: "assistant", content: answer },
    ];
    places.push({ ...ask.from, messages, isWhole });
  }

  /** Turns that Qwen accepted since it was last asked. */
  function newTurns(): RecordedRequest[] {
    const turns = emulator.requests.filter(
      (one) => one.ordinal > seenOrdinal && one.on === "completions" && one.turn !== undefined,
    );
    seenOrdinal = Math.max(seenOrdinal, ...emulator.requests.map((one) => one.ordinal));
    return turns;
  }

  /** @throws {Error} when the turn stood on anything but the history of its client */
  function judge(record: RecordedRequest, ask: Ask, isAlone: boolean): void {
    // The gateway's own wire form.
    const body = record.body as QwenCompletionBody;
    const message = body.messages[0].content;
    const context = `${pathText(body)}\n${message}`;
    const wanted = tokensOf([...ask.from.messages.map(({ content }) => String(content)), ask.question].join("\n"));
    const found = tokensOf(context);
    const problem = (what: string): Error =>
      new Error(
        `${what}: "${ask.question}" after [${wanted.slice(0, -1).join(" ")}] went to ${body.chat_id} as\n${context}`,
      );
    if (found.join(" ") !== wanted.join(" ")) throw problem("A turn stood on another history");
    const isRuled = context.includes("rule s1");
    if (isRuled !== (ask.from.system !== undefined)) throw problem("A turn stood on other instructions");
    const owner = chatKeys.get(body.chat_id);
    if (owner !== undefined && owner !== ask.from.key) throw problem("A turn went to a chat of another caller");
    chatKeys.set(body.chat_id, ask.from.key);
    if (isAlone && isKnown(ask.from) && message !== ask.question) throw problem("A known conversation was told anew");
  }

  /** What the emulator remembers when a turn continues that node. */
  function pathText(body: QwenCompletionBody): string {
    // The emulator's own stored form.
    const chat = emulator.chats().find((one) => (one as { id: string }).id === body.chat_id) as StoredChat | undefined;
    const texts: string[] = [];
    for (let id = body.parent_id; id !== null;) {
      const node = chat?.chat.history.messages[id];
      if (node === undefined) throw new Error(`A turn continued the node ${id}, which its chat does not have`);
      texts.unshift(node.role === "user" ? node.content : node.content_list.map((entry) => entry.content).join(""));
      id = node.parentId;
    }
    return texts.join("\n");
  }

  return {
    harness,
    places,
    isKnown,
    forget() {
      emulator.reset();
      chatKeys.clear();
      makeStale();
    },
    async say(ask, chat = "open") {
      if (chat === "refused") makeStale();
      const answer = await answerTo(ask);
      await untilIdle(harness);
      for (const record of newTurns()) judge(record, ask, true);
      if (answer !== undefined) remember(ask, answer, true);
      return answer;
    },
    async leave(ask, after, keeps) {
      const gate = `gate ${gates++}`;
      emulator.script({ gate, reply: { chunks: answerOf(9) } });
      // The first event tells the ids, the second one says a word.
      if (after === "first word") emulator.release(gate, 2);
      const controller = new AbortController();
      const reading = send({ ...ask, stream: after === "first word" || ask.stream }, controller.signal)
        .then((response) => firstPiece(response))
        .catch(() => "");
      const isAsked = () => emulator.requests.some((one) => one.ordinal > seenOrdinal && one.turn !== undefined);
      await emulator.until(isAsked);
      if (after === "first word") await reading;
      controller.abort();
      await reading;
      emulator.release(gate, 1);
      await emulator.until((all) => all.every((one) => one.on !== "completions" || one.endedAtMs !== undefined));
      await untilIdle(harness);
      for (const record of newTurns()) judge(record, ask, true);
      if (keeps && after === "first word") remember(ask, answerOf(9)[0]!, false);
    },
    async sayAll(asks) {
      const answers = await Promise.all(asks.map(answerTo));
      await untilIdle(harness);
      judgeAll(newTurns(), asks);
      for (const [index, answer] of answers.entries()) {
        if (answer !== undefined) remember(asks[index]!, answer, true);
      }
    },
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };

  /** Each turn must be right for one of them, and each of them must have one. */
  function judgeAll(records: readonly RecordedRequest[], asks: readonly Ask[]): void {
    const open = [...asks];
    for (const record of records) {
      const problems: unknown[] = [];
      const index = open.findIndex((ask) => {
        try {
          judge(record, ask, false);
          return true;
        } catch (error) {
          problems.push(error);
          return false;
        }
      });
      if (index < 0) throw new AggregateError(problems, `A turn is nobody's: ${problems.join("\n")}`);
      open.splice(index, 1);
    }
    if (open.length > 0) throw new Error(`${open.length} turns never reached Qwen`);
  }
}

function historyOf({ key, system, messages }: Place): string {
  return JSON.stringify([key, system, messages.map(({ content }) => content)]);
}

interface StoredChat {
  readonly chat: { readonly history: { readonly messages: Readonly<Record<string, StoredNode>> } };
}
interface StoredNode {
  readonly parentId: string | null;
  readonly role: "user" | "assistant";
  readonly content: string;
  readonly content_list: readonly { readonly content: string }[];
}

function tokensOf(text: string): string[] {
  return text.match(/\bq\d\b|\br\d-\d\b/g) ?? [];
}

/** The same message as other clients send it back. */
function reshape({ role, content }: ClientMessage): ClientMessage {
  if (role === "user")
    return { role, content: [{ type: "text", text: content, cache_control: { type: "ephemeral" } }] };
  return { role, content: `${content}\n`, reasoning_content: "Hm.", id: "msg_1" };
}

/** Reads no further than the first text of an answer. */
async function firstPiece(response: Response): Promise<void> {
  const reader = response.body?.getReader();
  let text = "";
  while (reader !== undefined && !text.includes("r9-0")) {
    const { done, value } = await reader.read();
    if (done) return;
    text += Buffer.from(value).toString();
  }
}
