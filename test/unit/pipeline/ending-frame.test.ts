// The last frames of a typed chat's stream, told from all others.

import { expect, test } from "bun:test";
import { chatEndingFrame, isChatEnding } from "../../../src/pipeline/ending-frame.ts";
import { FrameWriter } from "../../../src/pipeline/frame-writer.ts";

function frameOf(data: object | string): Uint8Array {
  const writer = new FrameWriter(11);
  writer.event(data);
  return writer.take();
}

test("chatEndingFrame is the event of an error, behind the last one", () => {
  expect(new TextDecoder().decode(chatEndingFrame(11, "Stopped"))).toBe('id: 12\ndata: {"error":"Stopped"}\n\n');
});

test("isChatEnding knows the end and an error, whatever else an answer says", () => {
  const endings = [frameOf("[DONE]"), frameOf({ error: "The model is away" }), chatEndingFrame(11, "Stopped")];
  const others = [{ token: "[DONE]" }, { token: '{"error":"x"}' }, { metadata: { error: "x" } }, { stage: "error" }];

  expect(endings.map(isChatEnding)).toEqual([true, true, true]);
  expect(others.map((event) => isChatEnding(frameOf(event)))).toEqual([false, false, false, false]);
});
