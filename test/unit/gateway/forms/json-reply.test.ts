// A reply that has to be JSON, held or cut out as it comes: the same however the upstream cut it.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { FinishReason, UpstreamEvent } from "../../../../src/contract/events.ts";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import type { EventDecoder } from "../../../../src/contract/upstream.ts";
import { JsonReply, type Verdict, type WholeAnswer } from "../../../../src/gateway/forms/json-reply.ts";

const text = (value: string): UpstreamEvent => ({ type: "text-delta", text: jsonText(value) });
const thought = (value: string): UpstreamEvent => ({ type: "reasoning-delta", text: jsonText(value) });
const end = (finishReason: FinishReason = "stop"): UpstreamEvent => ({ type: "reply-end", finishReason });
const call: readonly UpstreamEvent[] = [
  { type: "tool-call-start", callId: "c", toolName: "t" },
  { type: "tool-call-delta", callId: "c", argumentsText: "{}" },
];
const unfit = new GatewayError("answer-unfit", "no");

/** What a client is told, deltas of one kind joined. */
function told(events: readonly UpstreamEvent[], streams: boolean, judge: (answer: WholeAnswer) => Verdict) {
  const decoder: EventDecoder = {
    pendingBytes: 0,
    feed() {},
    end(emit) {
      for (const event of events) emit(event);
    },
  };
  const reply = new JsonReply(decoder, { root: "object", streams, judge, tooLong: () => unfit });
  const seen: string[] = [];
  let last = "";
  reply.end((event) => {
    const said = "text" in event ? event.text.text : "";
    if (event.type === last && said !== "") seen[seen.length - 1] += said;
    else seen.push(said === "" ? event.type : `${event.type} ${said}`);
    last = event.type;
  });
  return seen;
}

const accept = ({ text: whole, isSaid }: WholeAnswer): Verdict => ({
  type: "json",
  json: isSaid ? whole : whole.slice(whole.indexOf("{"), whole.lastIndexOf("}") + 1),
});

function cut(whole: string, places: readonly number[]): UpstreamEvent[] {
  const ends = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [...ends, whole.length].map((stop, index) => text(whole.slice(index === 0 ? 0 : ends[index - 1], stop)));
}

describe.each([true, false])("JsonReply, as it comes: %p", (streams) => {
  test("gives the JSON alone, wherever the deltas are cut", () => {
    const whole = 'So {it} is:\n```json\n{"a": {"b": "}"}, "c": "\\""}\n```\nBye';
    fc.assert(
      fc.property(fc.array(fc.nat()), (places) => {
        const seen = told([...cut(whole, places), end()], streams, accept);
        expect(seen).toEqual(told([text(whole), end()], streams, accept));
        if (streams) expect(seen[0]).toBe('text-delta {"a": {"b": "}"}, "c": "\\""}');
      }),
    );
  });

  test("tells nothing of an answer that does not fit but the error, and nothing behind it", () => {
    const seen = told([text("No. "), text("Never."), end(), text("more")], streams, () => ({
      type: "unfit",
      error: unfit,
    }));
    expect(seen).toEqual(["reply-error"]);
  });

  test("tells a refusal in the place of text", () => {
    const judge = ({ text: whole }: WholeAnswer): Verdict => ({ type: "refusal", text: whole });
    expect(told([text("I "), text("won't."), end()], streams, judge)).toEqual(["refusal-delta I won't.", "reply-end"]);
  });

  test("asks nothing of what the upstream itself calls a refusal, and tells it behind the thoughts", () => {
    const refused: UpstreamEvent = { type: "refusal-delta", text: jsonText("No.") };
    const judge = (): Verdict => ({ type: "unfit", error: unfit });
    const seen = told([thought("Hm."), refused, end()], streams, judge);
    expect(seen).toEqual(["reasoning-delta Hm.", "refusal-delta No.", "reply-end"]);
  });

  test("leaves the words around calls out, and the calls as they are", () => {
    const seen = told([text("One moment."), ...call, text("Done."), end("tool_calls")], streams, accept);
    expect(seen).toEqual(["tool-call-start", "tool-call-delta", "reply-end"]);
  });

  test("does not judge what was cut short", () => {
    const judge = (): Verdict => {
      throw new Error("nobody asked");
    };
    for (const finish of ["length", "content_filter"] as const) {
      expect(told([text('Well: {"a": "b'), end(finish)], streams, judge)).toEqual(['text-delta {"a": "b', "reply-end"]);
    }
    const stopped: UpstreamEvent = { type: "stop-sequence", sequence: "x" };
    const seen = told([text('{"a": '), stopped, end()], streams, judge);
    expect(seen.filter((event) => event !== "stop-sequence")).toEqual([
      `text-delta {"a":${streams ? " " : ""}`,
      "reply-end",
    ]);
  });

  test("has the thoughts before the answer", () => {
    const seen = told([thought("Hm. "), thought("So."), text('{"a":1}'), end()], streams, accept);
    expect(seen).toEqual(["reasoning-delta Hm. So.", 'text-delta {"a":1}', "reply-end"]);
  });
});

test("an answer that is longer than anybody checks is an error, and is not kept", () => {
  const piece = text("x".repeat(1_048_576));
  const seen = told([...Array.from({ length: 10 }, () => piece), end()], false, accept);
  expect(seen).toEqual(["reply-error"]);
});
