// A message made of long texts in their bytes is the message that strings make.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseBody } from "../../../../../src/conversation/parse-body.ts";
import { parseRequest } from "../../../../../src/surfaces/openai-chat/parse-request.ts";
import { composeMessage, everything } from "../../../../../src/upstreams/qwen-web/message/compose-message.ts";
import { MessageText } from "../../../../../src/upstreams/qwen-web/message/message-text.ts";
import { describeTools } from "../../../../../src/tools/describe-tools.ts";
import { chooseMode, featureConfigOf } from "../../../../../src/upstreams/qwen-web/model-mode.ts";
import {
  createCompletionBody,
  createQwenMessage,
  encodeCompletionBody,
} from "../../../../../src/upstreams/qwen-web/request-body.ts";
import { createSpareChats } from "../../../../../src/upstreams/qwen-web/spare-chats.ts";

const unit = fc.constantFrom(" ", "\n", "é", "你好", "🙂", "\ud83d", "\ude00", '"', "\\", "word", "");
const text = fc
  .tuple(fc.array(unit, { maxLength: 6 }), fc.constantFrom(1, 600))
  .map(([units, times]) => units.join("").repeat(times));
const content = fc.oneof(
  text,
  fc.array(
    text.map((said) => ({ type: "text", text: said })),
    { minLength: 1, maxLength: 3 },
  ),
);
const message = fc.oneof(
  fc.record({ role: fc.constantFrom("user", "assistant", "system"), content }),
  fc.record({ role: fc.constant("tool"), tool_call_id: fc.constant("c"), content }),
);

function outgoing(content: string | MessageText) {
  const message = createQwenMessage({
    content,
    parentId: null,
    model: "qwen3-max",
    chatType: "t2t",
    featureConfig: featureConfigOf(chooseMode({}, {}, undefined), undefined),
    nowMs: 0,
  });
  return createCompletionBody("c", null, "qwen3-max", { ...message, fid: "f" });
}

function sent(content: string | MessageText): string {
  const body = encodeCompletionBody(outgoing(content));
  return typeof body === "string" ? body : Buffer.concat([...body]).toString();
}

test("composeMessage says the same of long texts in their bytes, and so does what is sent", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), (told) => {
      const body = { messages: [...told, { role: "user", content: "go on" }], padding: "x".repeat(5000) };
      const plain = parseRequest(body);
      const long = parseRequest(parseBody(Buffer.from(JSON.stringify(body))));
      const expected = composeMessage(plain, everything(plain)) as string;
      const composed = composeMessage(long, everything(long));

      expect(composed.toString()).toBe(expected);
      expect(JSON.parse(sent(composed))).toEqual(JSON.parse(sent(expected)));
      expect(JSON.stringify(outgoing(composed))).toBe(sent(expected));
    }),
    { numRuns: 500 },
  );
});

test("composeMessage says of tools in what is sent what it says of them as text", () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), text, (descriptions, question) => {
      const tools = descriptions.map((description, at) => ({
        type: "function",
        function: { name: `tool_${at}`, description, parameters: { type: "object" } },
      }));
      const request = parseRequest({ messages: [{ role: "user", content: `a${question}` }], tools });
      const composed = composeMessage(request, everything(request));
      const whole = `${describeTools(request.tools, undefined)}\n\n# Message\na${question}`;

      expect(composed.toString()).toBe(whole);
      expect(JSON.parse(sent(composed)).messages[0].content).toBe(JSON.parse(JSON.stringify(whole)));
    }),
    { numRuns: 200 },
  );
});

test("createSpareChats finds the chat of a long text again, whatever it is held in", () => {
  const spares = createSpareChats(() => 0);
  spares.put("a", "local", new MessageText(["one ", "two"]), "chat");

  expect(spares.take("a", "local", "one three")).toBeUndefined();
  expect(spares.take("a", "local", "one two")).toBe("chat");
});
