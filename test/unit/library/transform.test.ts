// The single steps between an OpenAI body and the backend, as people who embed the gateway call them.

import { describe, expect, test } from "bun:test";
import {
  createQwenMessage,
  extractFirstUserMessage,
  extractLastMessage,
  extractParentId,
  GatewayError,
  generateSessionId,
  transformToOpenAICompletion,
  transformToQwenRequest,
  validateChatCompletionRequest,
} from "../../../src/library.ts";
import { root } from "../house/source-files.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const hello = { role: "user", content: "Hello" };

describe("extractFirstUserMessage", () => {
  test("finds the user's message behind system messages [R2-018, R2-065]", () => {
    const messages = [{ role: "system", content: "Be brief" }, { role: "developer", content: "In English" }, hello];

    expect(extractFirstUserMessage(messages)).toBe("Hello");
  });

  test("takes the first of several [R2-019, R2-065]", () => {
    const messages = [hello, { role: "assistant", content: "Hi" }, { role: "user", content: "Bye" }];

    expect(extractFirstUserMessage(messages)).toBe("Hello");
  });

  test("throws when there is none [R2-020, R2-065]", () => {
    const find = () => extractFirstUserMessage([{ role: "system", content: "Be brief" }]);

    expect(find).toThrow(GatewayError);
    expect(find).toThrow('a message with role "user"');
  });

  test("joins the text parts of the message", () => {
    const content = [
      { type: "text", text: "Look" },
      { type: "image_url", image_url: { url: "https://example.com/a.png" } },
      { type: "text", text: "here" },
    ];

    expect(extractFirstUserMessage([{ role: "user", content }])).toBe("Look\nhere");
  });
});

describe("generateSessionId", () => {
  test("is the MD5 of the text [R2-021]", () => {
    expect(generateSessionId("Hello")).toBe("8b1a9953c4611296a827abf8c47804d7");
  });

  test("is the same in every call and in every process [R2-022]", () => {
    const script = 'import { generateSessionId } from "./src/library.ts"; console.log(generateSessionId("Grüße 🌤️"))';
    const other = Bun.spawnSync([process.execPath, "--eval", script], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });

    expect(generateSessionId("Grüße 🌤️")).toBe(generateSessionId("Grüße 🌤️"));
    expect(other.stdout.toString().trim()).toBe(generateSessionId("Grüße 🌤️"));
  });

  test("differs for different texts [R2-023]", () => {
    const texts = ["Hello", "hello", "Hello ", ""];

    expect(new Set(texts.map(generateSessionId)).size).toBe(texts.length);
  });
});

describe("extractLastMessage", () => {
  test("gives role and text of the newest message, byte for byte [R2-040, R2-046]", () => {
    const content = "  two  spaces\tand\n\na line  ";
    const messages = [hello, { role: "assistant", content: "Hi" }, { role: "user", content }];

    expect(extractLastMessage(messages)).toEqual({ role: "user", content });
  });

  test("throws on an empty list [R2-046]", () => {
    expect(() => extractLastMessage([])).toThrow(GatewayError);
  });
});

describe("createQwenMessage", () => {
  test("has a fresh fid, the parent in both spellings, and the text [R2-041, R2-046]", () => {
    const first = createQwenMessage("Hello", "answer-1");
    const second = createQwenMessage({ content: "Hello" }, "answer-1");

    expect(first).toMatchObject({ role: "user", content: "Hello", parentId: "answer-1", parent_id: "answer-1" });
    expect(first.fid).toMatch(uuid);
    expect(second).toEqual({ ...first, fid: second.fid, timestamp: second.timestamp });
    expect(second.fid).not.toBe(first.fid);
  });

  test("has null as the parent of a first message [R2-041]", () => {
    expect(createQwenMessage("Hello")).toMatchObject({ parentId: null, parent_id: null });
  });
});

describe("transformToQwenRequest", () => {
  test("has chat, parent and one message that holds the last one [R2-040, R2-042, R2-046]", () => {
    const messages = [hello, { role: "assistant", content: "Hi" }, { role: "user", content: "What now?" }];

    const body = transformToQwenRequest({ messages }, { chatId: "chat-1", parentId: "answer-1" });

    expect(body).toMatchObject({ chat_id: "chat-1", parent_id: "answer-1", stream: true, model: "qwen3-max" });
    expect(body.messages).toHaveLength(1);
    expect(body.messages[0]).toMatchObject({ content: "What now?", parentId: "answer-1" });
  });

  test("has JSON null as the parent of a first turn [R2-042]", () => {
    const body = transformToQwenRequest({ messages: [hello] }, { chatId: "chat-1", parentId: null });

    expect(JSON.parse(JSON.stringify(body))).toMatchObject({ parent_id: null, messages: [{ parentId: null }] });
  });

  test("reads the mode out of the model's suffix and out of the fields [R2-046]", () => {
    const position = { chatId: "chat-1", parentId: null };
    const suffixed = transformToQwenRequest({ model: "qwen3.7-max-thinking", messages: [hello] }, position);
    const asked = transformToQwenRequest({ enable_search: true, messages: [hello] }, position);

    expect(suffixed).toMatchObject({
      model: "qwen3.7-max",
      messages: [{ feature_config: { thinking_enabled: true } }],
    });
    expect(asked).toMatchObject({ messages: [{ chat_type: "search" }] });
  });
});

describe("extractParentId", () => {
  test.each([
    ["at the top level", { response_id: "r", parent_id: "p" }, "r"],
    ["under data", { data: { response_id: "r", parent_id: "p" } }, "r"],
    ["as message_id", { data: { message_id: "m", parent_id: "p" } }, "m"],
    ["as parent_id at the top level", { parent_id: "p" }, "p"],
    ["as parent_id under data", { success: true, data: { parent_id: "p" } }, "p"],
    ["nowhere", { data: {} }, undefined],
    ["in no object", "text", undefined],
  ])("finds the node %s [R2-044, R2-046]", (_place, answer, id) => {
    expect(extractParentId(answer)).toBe(id);
  });
});

describe("transformToOpenAICompletion", () => {
  const answer = { success: true, data: { choices: [{ message: { role: "assistant", content: "Good day" } }] } };

  test("has OpenAI's shape and the model that was asked for [R2-045, R2-046]", () => {
    expect(transformToOpenAICompletion(answer, { model: "qwen3-coder-plus" })).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "qwen3-coder-plus",
      choices: [{ index: 0, message: { role: "assistant", content: "Good day" }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: expect.any(Number),
        completion_tokens: expect.any(Number),
        total_tokens: expect.any(Number),
      },
    });
  });

  test("names qwen3-max when no model was asked for [R2-045]", () => {
    expect(transformToOpenAICompletion(answer)).toMatchObject({ model: "qwen3-max" });
  });

  test("passes the backend's token counts on [R2-045]", () => {
    const counted = { ...answer, usage: { input_tokens: 7, output_tokens: 2, total_tokens: 9 } };

    expect(transformToOpenAICompletion(counted)).toMatchObject({
      usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
    });
  });

  test("estimates the answer's tokens where the backend is silent [R2-045]", () => {
    expect(transformToOpenAICompletion(answer)).toMatchObject({ usage: { prompt_tokens: 0, completion_tokens: 2 } });
  });

  test("throws on a body without an answer", () => {
    expect(() => transformToOpenAICompletion({ data: {} })).toThrow("Cannot read the answer");
  });
});

describe("validateChatCompletionRequest", () => {
  test("accepts a correct body and returns it in the gateway's words [R2-064, R2-067]", () => {
    const request = validateChatCompletionRequest({ model: "qwen3-max", stream: true, messages: [hello], top_k: 3 });

    expect(request).toMatchObject({ model: "qwen3-max", stream: true, messages: [{ role: "user" }] });
  });

  test.each([
    ["missing messages", {}, "messages"],
    ["messages that are no array", { messages: "Hello" }, "messages"],
    ["no messages", { messages: [] }, "messages"],
    ["a message without a role", { messages: [hello, { content: "a" }] }, "messages[1].role"],
    ["a message without content", { messages: [hello, { role: "user" }] }, "messages[1].content"],
    ["an unknown role", { messages: [{ role: "wizard", content: "a" }] }, "messages[0].role"],
  ])("rejects %s and names the field [R2-064]", (_name, body, param) => {
    expect(() => validateChatCompletionRequest(body)).toThrow(
      expect.objectContaining({ kind: "invalid-request", param }),
    );
  });
});
