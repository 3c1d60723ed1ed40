// Answers that end at the client's own mark, cut everywhere.

import { describe, expect, test } from "bun:test";
import type { UpstreamEvent } from "../../../../src/contract/events.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import type { ReplyEnding, UpstreamReply } from "../../../../src/contract/upstream.ts";
import { cutAtSequences } from "../../../../src/gateway/forms/stop-sequences.ts";
import { fromBytes } from "../../../../src/outbound/fetch-client.ts";

interface Told {
  readonly text: string;
  /** Types of all other events, the mark behind its own. */
  readonly others: readonly string[];
}

/** One event a chunk. */
function run(events: readonly UpstreamEvent[], sequences: readonly string[]) {
  const endings: ReplyEnding[] = [];
  let next = 0;
  const source: UpstreamReply = {
    account: "",
    model: "m",
    body: fromBytes(new Uint8Array()),
    decoder: {
      pendingBytes: 0,
      feed: (_chunk, emit) => emit(events[next++]!),
      end: () => {},
    },
    async onEnd(ending) {
      endings.push(ending);
      return 0;
    },
  };
  const reply = cutAtSequences(source, sequences);
  let text = "";
  const others: string[] = [];
  for (let index = 0; index < events.length; index++) {
    reply.decoder.feed(new Uint8Array(), (event) => {
      if (event.type === "text-delta") text += event.text.text;
      else others.push(event.type === "stop-sequence" ? `${event.type} ${event.sequence}` : event.type);
    });
  }
  return { reply, source, endings, told: { text, others } satisfies Told };
}

const said = (text: string): UpstreamEvent => ({ type: "text-delta", text: jsonText(text) });
const end: UpstreamEvent = { type: "reply-end", finishReason: "stop" };

function cutEverywhere(text: string): UpstreamEvent[][] {
  const pieces: UpstreamEvent[][] = [[...text].map(said)];
  for (let at = 0; at <= text.length; at++) pieces.push([said(text.slice(0, at)), said(text.slice(at))]);
  return pieces;
}

describe("cutAtSequences", () => {
  test.each([
    ["one END two", ["END"], "one ", "END"],
    ["one two", ["END"], "one two", undefined],
    ["one EN", ["END"], "one EN", undefined],
    ["ENEND", ["END"], "EN", "END"],
    ["aab", ["ab"], "a", "ab"],
    ["the stop sign", ["stop sign", "top"], "the s", "top"],
    ["abc", ["bc", "abc"], "", "abc"],
    ["一二三", ["二"], "一", "二"],
    ["\n\nHuman: hi", ["\n\nHuman:"], "", "\n\nHuman:"],
  ])("%p with %p is %p, cut at %p", (text, sequences, expected, mark) => {
    for (const pieces of cutEverywhere(text)) {
      const { told } = run([...pieces, end], sequences);

      expect(told.text).toBe(expected);
      expect(told.others).toEqual(mark === undefined ? ["reply-end"] : [`stop-sequence ${mark}`, "reply-end"]);
    }
  });

  test("says what it holds before a call, and before a failure", () => {
    const call: UpstreamEvent = { type: "tool-call-start", callId: "c", toolName: "look" };
    const failure: UpstreamEvent = { type: "reply-error", error: new GatewayError("upstream-failed", "It broke") };

    expect(run([said("a E"), call, said("ND")], ["END"]).told).toEqual({ text: "a END", others: ["tool-call-start"] });
    expect(run([said("a E"), failure], ["END"]).told).toEqual({ text: "a E", others: ["reply-error"] });
  });

  test("looks at no thoughts", () => {
    const thought: UpstreamEvent = { type: "reasoning-delta", text: jsonText("END") };

    expect(run([thought, said("b"), end], ["END"]).told).toEqual({
      text: "b",
      others: ["reasoning-delta", "reply-end"],
    });
  });

  test("tells the upstream that more is wanted of it only where it was not cut", async () => {
    const cut = run([said("a END b")], ["END"]);
    const whole = run([said("a"), end], ["END"]);
    for (const { reply } of [cut, whole]) await reply.onEnd("complete");
    await cut.reply.onEnd("failed");

    expect(cut.endings).toEqual(["cut", "failed"]);
    expect(whole.endings).toEqual(["complete"]);
  });

  test("leaves a reply as it is where there is nothing to look for", () => {
    const { source } = run([end], []);

    expect(cutAtSequences(source, [])).toBe(source);
    expect(cutAtSequences(source, undefined)).toBe(source);
  });
});
