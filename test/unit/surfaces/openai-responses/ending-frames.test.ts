// The last events of a stream that is kept, told from all others.

import { expect, test } from "bun:test";
import { formatSseEvent } from "../../../../src/sse/sse-writer.ts";
import { isResponseEnding, responseEndingFrames } from "../../../../src/surfaces/openai-responses/ending-frames.ts";

const frameOf = (type: string) => new TextEncoder().encode(`id: 12\n${formatSseEvent({ type, response: {} }, type)}`);

test("isResponseEnding knows each event that ends a response, and no other", () => {
  const endings = ["response.completed", "response.incomplete", "response.failed"].map(frameOf);
  const others = ["response.created", "response.output_text.done", "response.output_item.done"].map(frameOf);
  const ours = responseEndingFrames(11, "resp_1", { status: "cancelled", sentence: "The answer was stopped" });

  expect([...endings, ...ours].map(isResponseEnding)).toEqual([true, true, true, true]);
  expect(others.map(isResponseEnding)).toEqual([false, false, false]);
});

test("responseEndingFrames tells a failure by an error before the last event, and counts on", () => {
  const frames = responseEndingFrames(11, "resp_1", { status: "failed", sentence: "Ask again" });
  const [first, second] = frames.map((frame) => new TextDecoder().decode(frame));
  const error = { message: "Ask again", type: "api_error", param: null, code: "internal" };

  expect(first).toStartWith("id: 12\nevent: error\n");
  expect(JSON.parse(first!.split("data: ")[1]!)).toEqual({
    type: "error",
    sequence_number: 11,
    code: "internal",
    message: "Ask again",
    param: null,
    error,
  });
  expect(second).toStartWith("id: 13\nevent: response.failed\n");
  expect(JSON.parse(second!.split("data: ")[1]!)).toMatchObject({ sequence_number: 12, response: { id: "resp_1" } });
  expect(frames.map(isResponseEnding)).toEqual([false, true]);
});
