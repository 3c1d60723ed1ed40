// What a client reads of a field that is of the wrong kind: a sentence that names it.

import { expect, test } from "bun:test";
import { Type } from "typebox";
import { createBodyCheck } from "../../../src/surfaces/check-body.ts";
import { parseRequest } from "../../../src/surfaces/openai-chat/parse-request.ts";

const messages = [{ role: "user", content: "Hello" }];

test.each([
  [[], "Invalid request: the body must be an object"],
  [{ messages, stream: 5 }, 'Invalid request: "stream" must be a boolean'],
  [{ messages, max_tokens: 1.5 }, 'Invalid request: "max_tokens" must be an integer'],
  [{ messages, max_tokens: 0 }, 'Invalid request: "max_tokens" must be >= 1'],
  [{ messages, tools: {} }, 'Invalid request: "tools" must be an array'],
  [{ messages, model: 7 }, 'Invalid request: "model" must be a string'],
] as const)("%j is told what it must be", (body, message) => {
  expect(() => parseRequest(body)).toThrow(message);
});

test("a word that is none of those that may stand there is told which may", () => {
  const check = createBodyCheck(Type.Object({ kinds: Type.Array(Type.Enum(["large", "small"])) }));

  expect(() => check({ kinds: ["large", "huge"] })).toThrow('Invalid request: "kinds[1]" must be one of large, small');
});

test.each([["tomorrow"], [3600]])("a text with a pattern is told what it must be in words: %j", (lasts) => {
  const form = Type.String({ pattern: "^\\d+[hd]$", description: "a time such as 1h or 7d" });
  const check = createBodyCheck(Type.Object({ spans: Type.Array(Type.Object({ lasts: form })) }));

  expect(() => check({ spans: [{ lasts }] })).toThrow(
    'Invalid request: "spans[0].lasts" must be a time such as 1h or 7d',
  );
});
