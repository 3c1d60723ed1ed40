// A reply that must hold a call: silent until it does.

import { describe, expect, test } from "bun:test";
import type { UpstreamEvent } from "../../../../../src/contract/events.ts";
import { GatewayError } from "../../../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../../../src/contract/json.ts";
import { demandCall } from "../../../../../src/upstreams/qwen-web/message/demanded-call.ts";

const text = (said: string): UpstreamEvent => ({ type: "text-delta", text: jsonText(said) });
const thought = (said: string): UpstreamEvent => ({ type: "reasoning-delta", text: jsonText(said) });
const start: UpstreamEvent = { type: "reply-start", model: "m" };
const page: UpstreamEvent = { type: "source", source: { url: "https://a.example", title: "A", snippet: undefined } };
const call: UpstreamEvent = { type: "tool-call-start", callId: "1", toolName: "f" };
const end: UpstreamEvent = { type: "reply-end", finishReason: "stop" };

/** What is told of the events, as words. */
function tell(events: readonly UpstreamEvent[], error?: GatewayError): string[] {
  const told: string[] = [];
  const inner = {
    pendingBytes: 0,
    feed() {},
    end(emit: (event: UpstreamEvent) => void) {
      for (const event of events) emit(event);
    },
  };
  demandCall(inner, () => error).end((event) => {
    told.push("text" in event ? `${event.type} ${event.text.text}` : event.type);
  });
  return told;
}

describe("demandCall", () => {
  test("tells what was held back as soon as a call begins, in order, and goes on as it comes", () => {
    const told = tell([start, thought("a"), text("b"), text("c"), call, text("d"), end]);
    expect(told).toEqual([
      "reply-start",
      "reasoning-delta a",
      "text-delta bc",
      "tool-call-start",
      "text-delta d",
      "reply-end",
    ]);
  });

  test("tells an error in the place of a reply without one, and nothing of the reply", () => {
    const missed = new GatewayError("upstream-failed", "no call");
    expect(tell([start, text("b"), end], missed)).toEqual(["reply-start", "reply-error"]);
  });

  test("holds sources back as well, in their order", () => {
    const missed = new GatewayError("upstream-failed", "no call");
    expect(tell([start, page, text("b"), end], missed)).toEqual(["reply-start", "reply-error"]);
    expect(tell([start, page, text("b"), call, end])).toEqual([
      "reply-start",
      "source",
      "text-delta b",
      "tool-call-start",
      "reply-end",
    ]);
  });

  test("tells the reply where there is nobody to ask again", () => {
    expect(tell([start, text("b"), end])).toEqual(["reply-start", "text-delta b", "reply-end"]);
  });

  test("says nothing of a reply that failed before: the request may be sent once more", () => {
    const failed: UpstreamEvent = { type: "reply-error", error: new GatewayError("upstream-failed", "broke") };
    expect(tell([start, text("b"), failed])).toEqual(["reply-start", "reply-error"]);
  });

  test("holds no novel back", () => {
    const long = "x".repeat(300_000);
    expect(tell([text(long), text("y"), end], new GatewayError("upstream-failed", "no call"))).toEqual([
      `text-delta ${long}`,
      "text-delta y",
      "reply-end",
    ]);
  });
});
