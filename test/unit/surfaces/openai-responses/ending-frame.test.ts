// The last events of a stream that is kept, told from all others.

import { expect, test } from "bun:test";
import { formatSseEvent } from "../../../../src/sse/sse-writer.ts";
import { isResponseEnding, responseEndingFrame } from "../../../../src/surfaces/openai-responses/ending-frame.ts";

const frameOf = (type: string) => new TextEncoder().encode(`id: 12\n${formatSseEvent({ type, response: {} }, type)}`);

test("isResponseEnding knows each event that ends a response, and no other", () => {
  const endings = ["response.completed", "response.incomplete", "response.failed"].map(frameOf);
  const others = ["response.created", "response.output_text.done", "response.output_item.done"].map(frameOf);
  const ours = responseEndingFrame(11, "resp_1", { status: "cancelled", sentence: "The answer was stopped" });

  expect([...endings, ours].map(isResponseEnding)).toEqual([true, true, true, true]);
  expect(others.map(isResponseEnding)).toEqual([false, false, false]);
});
