// The gateway's JSON as the page takes it: what is missing is empty, what is strange is left out, nothing breaks.

import { describe, expect, test } from "bun:test";
import {
  parseDocuments,
  parseDocumentText,
  parseModels,
  parseSession,
  parseSessions,
  parseSources,
  parseUpstreams,
} from "../../../src/page/gateway/parse.ts";

describe("parseSession", () => {
  test("takes a message with all that is stored of it", () => {
    const { sessionId, title, messages } = parseSession({
      session_id: "s",
      title: "T",
      messages: [
        {
          id: "q",
          parent_id: null,
          role: "user",
          content: "?",
          created_at: 5,
          status: "complete",
          attachments: [{ name: "a.png", type: "image/png" }],
        },
        {
          id: "a",
          parent_id: "q",
          role: "assistant",
          content: "!",
          created_at: 6,
          status: "failed",
          stream_id: "x",
          reasoning: "hm",
          stages: ["generation"],
          sources: [{ chunk_id: "c", document_name: "d", text: "t", score: 0.5 }],
          quality_score: 0,
          follow_up_questions: ["And?"],
          model: "m",
          upstream: "u",
          error: "It failed",
          finish_reason: "length",
          usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
        },
      ],
    });

    expect([sessionId, title]).toEqual(["s", "T"]);
    expect(messages[0]).toMatchObject({
      id: "q",
      gatewayId: "q",
      parentId: null,
      role: "user",
      attachments: [{ name: "a.png", type: "image/png", url: undefined, heldBy: "q" }],
    });
    expect(messages[1]).toMatchObject({
      parentId: "q",
      status: "failed",
      cutBy: "length",
      streamId: "x",
      reasoning: "hm",
      stages: ["generation"],
      sources: [{ id: "c", documentName: "d", text: "t", score: 0.5 }],
      qualityScore: 0,
      followUps: ["And?"],
      model: "m",
      upstream: "u",
      error: "It failed",
      usage: { promptTokens: 1, completionTokens: 2 },
    });
  });

  test("takes a bare message as one that is complete", () => {
    const [message] = parseSession({ messages: [{ id: "a", status: "of another version" }] }).messages;

    expect(message).toMatchObject({
      content: "",
      status: "complete",
      role: "assistant",
      sources: [],
      usage: undefined,
    });
  });
});

test("nothing comes of what has another shape, and nothing breaks", () => {
  const strange = [
    undefined,
    null,
    1,
    "text",
    [],
    {},
    { data: {} },
    { data: [null, 1, {}] },
    { messages: [{}], upstreams: [1] },
  ];
  for (const body of strange) {
    expect(parseSessions(body)).toEqual([]);
    expect(parseModels(body)).toEqual([]);
    expect(parseDocuments(body)).toEqual([]);
    expect(parseDocumentText(body)).toBe("");
    expect(parseUpstreams(body)).toEqual([]);
    expect(parseSession(body).messages).toEqual([]);
  }
});

test("parseModels shows the name where there is one", () => {
  expect(parseModels({ data: [{ id: "a", display_name: "A" }, { id: "b" }] })).toEqual([
    { id: "a", name: "A" },
    { id: "b", name: "b" },
  ]);
});

test.each([
  ["https://a.example/b?c", "https://a.example/b?c"],
  ["http://a.example", "http://a.example/"],
  ["javascript:alert(1)", undefined],
  [" jaVascript:alert(1)", undefined],
  ["data:text/html,x", undefined],
  ["/chat", undefined],
  [7, undefined],
  [undefined, undefined],
])("parseSources takes the address %j as %j", (url, address) => {
  expect(parseSources([{ url }])[0]?.url).toBe(address as string);
});

test("parseDocuments takes what is told of each", () => {
  const told = { id: "d", name: "a.pdf", type: "application/pdf", bytes: 7, chunks: 2, created_at: 5 };

  expect(parseDocuments({ data: [told, { id: "e" }, { name: "without an id" }] })).toEqual([
    { id: "d", name: "a.pdf", type: "application/pdf", bytes: 7, pieces: 2, createdAtMs: 5 },
    { id: "e", name: "Document", type: "", bytes: 0, pieces: 0, createdAtMs: 0 },
  ]);
});

test("parseSources counts sources that have no id", () => {
  expect(parseSources([{ text: "t" }, {}]).map(({ id, documentName }) => [id, documentName])).toEqual([
    ["0", "Document"],
    ["1", "Document"],
  ]);
});
