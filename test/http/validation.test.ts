// Bad requests: each is a 400 in OpenAI's shape that names the field, and none of them reaches the upstream.

import { describe, expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { answerTo, assistant, callsOf, createTalk, lastTurn, readError, system, user } from "./client.ts";

const path = "/v1/chat/completions";

function upstreamTurns(harness: Harness): number {
  return callsOf(harness, "completions").length + callsOf(harness, "chats/new").length;
}

const call = { id: "c1", type: "function", function: { name: "look_up", arguments: "{}" } };

/** Name, body, the field that the error must name. */
const rejections: readonly (readonly [name: string, body: unknown, param: string])[] = [
  ["no messages [R2-009, R2-064]", { model: "qwen3-max" }, "messages"],
  ["messages that are no array [R2-010, R2-064]", { messages: "Hello" }, "messages"],
  ["messages that are an object [R2-010]", { messages: { 0: user("Hello") } }, "messages"],
  ["messages that are null [R2-010]", { messages: null }, "messages"],
  ["no message at all [R2-011, R2-064]", { messages: [] }, "messages"],
  ["no message of a user [R2-012, R2-020, R2-064]", { messages: [system("Be brief.")] }, "messages"],
  ["only an assistant's message [R2-012]", { messages: [assistant("Hi")] }, "messages"],
  [
    "a tool's result in an unknown conversation [R2-012]",
    {
      messages: [
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "42" },
      ],
    },
    "messages",
  ],
  ["a message without a role [R2-013, R2-064]", { messages: [user("Hello"), { content: "Hi" }] }, "messages[1].role"],
  ["a role of null [R2-013]", { messages: [user("Hello"), { role: null, content: "Hi" }] }, "messages[1].role"],
  [
    "a message without content [R2-014, R2-064]",
    { messages: [user("Hello"), { role: "user" }] },
    "messages[1].content",
  ],
  ["a user's content of null [R2-014]", { messages: [{ role: "user", content: null }] }, "messages[0].content"],
  ["a system message without content [R2-014]", { messages: [user("Hi"), { role: "system" }] }, "messages[1].content"],
  [
    "an assistant without content or calls [R2-014]",
    { messages: [user("Hi"), { role: "assistant" }] },
    "messages[1].content",
  ],
  ["an unknown role [R2-015]", { messages: [user("Hi"), { role: "critic", content: "no" }] }, "messages[1].role"],
  ["a role in capitals [R2-015]", { messages: [{ role: "User", content: "Hi" }] }, "messages[0].role"],
  ["a message that is a string [R2-017]", { messages: [user("Hi"), "Hello"] }, "messages[1]"],
  ["a content that is a number [R2-017]", { messages: [{ role: "user", content: 7 }] }, "messages[0].content"],
  [
    "a part without text [R2-017]",
    { messages: [user("Hi"), { role: "user", content: [{ type: "text", text: "a" }, { type: "text" }] }] },
    "messages[1].content[1].text",
  ],
  [
    "a tool's result without its call [R2-017]",
    { messages: [user("Hi"), { role: "tool", content: "42" }] },
    "messages[1].tool_call_id",
  ],
  [
    "a tool call without a name [R2-017]",
    {
      messages: [
        user("Hi"),
        { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: {} }] },
      ],
    },
    "messages[1].tool_calls[0].function.name",
  ],
  ["a stream that is no boolean [R2-017]", { messages: [user("Hello")], stream: "yes" }, "stream"],
  ["a model that is no string [R2-017]", { messages: [user("Hello")], model: 4 }, "model"],
  ["more than one choice [R2-017]", { messages: [user("Hello")], n: 2 }, "n"],
  [
    "an include_usage that is no boolean [R2-017]",
    { messages: [user("Hello")], stream_options: { include_usage: "yes" } },
    "stream_options.include_usage",
  ],
];

describe("validation rejects [R2-009, R2-010, R2-011, R2-012, R2-013, R2-014, R2-015, R2-017, R2-020, R2-064]", () => {
  for (const [name, body, param] of rejections) {
    test(`${path} rejects ${name} and calls nobody`, async () => {
      await using harness = await startHarness();
      for (const stream of [false, true]) {
        const asked = param === "stream" || typeof body !== "object" ? body : { stream, ...body };
        const answer = await readError(await harness.post(path, asked));
        expect(answer.status).toBe(400);
        expect(answer.contentType).toStartWith("application/json");
        expect(answer.error.type).toBe("invalid_request_error");
        expect(answer.error.param).toBe(param);
        expect(answer.error.message).toContain(param);
      }
      expect(upstreamTurns(harness)).toBe(0);
    });
  }
});

const notJson: readonly (readonly [name: string, body: string])[] = [
  ["malformed JSON", '{"messages": ['],
  ["an empty body", ""],
  ["a JSON array", "[]"],
  ["a JSON string", '"Hello"'],
  ["null", "null"],
];

for (const [name, body] of notJson) {
  test(`${path} rejects ${name} in OpenAI's shape and calls nobody [R2-056]`, async () => {
    await using harness = await startHarness();
    const answer = await readError(await harness.post(path, body));
    expect(answer).toMatchObject({ status: 400, error: { type: "invalid_request_error" } });
    expect(Object.keys(answer.error).sort()).toEqual(["code", "message", "param", "type"]);
    expect(upstreamTurns(harness)).toBe(0);
  });
}

test(`${path} rejects JSON nested deeper than any stack wherever it stands, and calls nobody`, async () => {
  await using harness = await startHarness();
  const deep = `${'{"a":'.repeat(40_000)}1${"}".repeat(40_000)}`;
  const messages = JSON.stringify([user("Hello")]);
  const bodies = [
    `{"messages":${messages},"tools":[{"type":"function","function":{"name":"f","parameters":${deep}}}]}`,
    `{"messages":${messages},"never_heard_of":${deep}}`,
  ];
  for (const body of bodies) {
    const answer = await readError(await harness.post(path, body));
    expect(answer).toMatchObject({ status: 400, error: { type: "invalid_request_error" } });
    expect(answer.error.message).toContain("nested");
  }
  expect(upstreamTurns(harness)).toBe(0);
});

const promptRejections: readonly (readonly [name: string, body: unknown])[] = [
  ["no prompt", { model: "qwen3-max" }],
  ["an empty prompt", { prompt: "" }],
  ["several prompts", { prompt: ["a", "b"] }],
  ["token ids", { prompt: [1, 2, 3] }],
];

for (const [name, body] of promptRejections) {
  test(`/v1/completions rejects ${name} and calls nobody`, async () => {
    await using harness = await startHarness();
    const answer = await readError(await harness.post("/v1/completions", body));
    expect(answer).toMatchObject({ status: 400, error: { param: "prompt" } });
    expect(upstreamTurns(harness)).toBe(0);
  });
}

const acceptances: readonly (readonly [name: string, body: object])[] = [
  ["a correct request [R2-016, R2-064]", { model: "qwen3-max", messages: [user("Hello")] }],
  [
    "an assistant with calls and without content [R2-014]",
    {
      messages: [
        user("Hi"),
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "42" },
      ],
    },
  ],
  [
    "an assistant's refusal without content [R2-014]",
    { messages: [user("Hi"), { role: "assistant", refusal: "No." }, user("Why?")] },
  ],
  [
    "every known role [R2-015]",
    {
      messages: [
        system("Be brief."),
        { role: "developer", content: "Be kind." },
        user("Hi"),
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "42" },
        { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
        { role: "function", name: "f", content: "43" },
      ],
    },
  ],
  [
    "parts for every role [R2-016]",
    {
      messages: ["system", "developer", "user"].map((role) => ({
        role,
        content: [
          { type: "text", text: "one" },
          { type: "text", text: "two", cache_control: { type: "ephemeral" } },
        ],
      })),
    },
  ],
  [
    "all that OpenAI's clients send, and what nobody knows [R2-002]",
    {
      messages: [user("Hello")],
      stream_options: { include_usage: true, something: 1 },
      max_tokens: 32_768,
      max_completion_tokens: 32_768,
      temperature: 0.2,
      top_p: 1,
      n: 1,
      stop: ["END"],
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: {},
      logprobs: false,
      tool_choice: "auto",
      tools: [{ type: "function", function: { name: "look_up", parameters: {} } }],
      parallel_tool_calls: true,
      reasoning_effort: "medium",
      store: true,
      metadata: { a: "b" },
      user: "u",
      prompt_cache_key: "k",
      service_tier: "auto",
      seed: 7,
      enable_thinking: false,
      thinking_budget: 100,
      response_format: { type: "text" },
      modalities: ["text"],
      never_heard_of: { deep: [1, 2] },
    },
  ],
  [
    "null for what is left open [R2-002]",
    {
      messages: [user("Hello")],
      model: null,
      stream: null,
      max_tokens: null,
      stream_options: null,
      tools: null,
      n: null,
    },
  ],
];

describe("validation accepts [R2-002, R2-014, R2-015, R2-016, R2-064]", () => {
  for (const [name, body] of acceptances) {
    test(`${path} accepts ${name}`, async () => {
      await using harness = await startHarness();
      const response = await harness.post(path, body);
      expect(await response.json()).toMatchObject({ object: "chat.completion" });
      expect(response.status).toBe(200);
      expect(callsOf(harness, "completions")).toHaveLength(1);
    });
  }
});

test("one check judges chat, legacy completions and the typed chat, and tells of it in the same words [R2-063] [R2-088]", async () => {
  await using harness = await startHarness();
  const places = [
    ["/v1/chat/completions", { messages: [user("Hello")] }],
    ["/v1/completions", { prompt: "Hello" }],
    ["/api/chat/stream", { message: "Hello" }],
  ] as const;
  const told = async (change: (body: object) => unknown) => {
    const errors: unknown[] = [];
    for (const [place, body] of places) {
      const { status, error } = await readError(await harness.post(place, change(body)));
      errors.push({ status, ...error });
    }
    return errors;
  };
  const wrong: readonly (readonly [change: (body: object) => unknown, param: string | null, message: RegExp])[] = [
    [(body) => [body], null, /^Invalid request: the body must be an object$/],
    [() => "5", null, /^Invalid request: the body must be an object$/],
    [(body) => ({ ...body, model: 3 }), "model", /^Invalid request: "model" must /],
    [(body) => ({ ...body, session_id: ["a"] }), "session_id", /^Invalid request: "session_id" must /],
  ];
  for (const [change, param, message] of wrong) {
    for (const error of await told(change)) {
      expect(error).toMatchObject({ status: 400, type: "invalid_request_error", code: "invalid_request", param });
      expect(error).toMatchObject({ message: expect.stringMatching(message) });
    }
  }
  expect(upstreamTurns(harness)).toBe(0);
});

test("a tool's result of a known session needs no message of a user [R2-012]", async () => {
  await using harness = await startHarness();
  const thin = { body: { session_id: "agent-1" } };
  await answerTo(harness, [user("Look up Ada")], thin);
  const node = lastTurn(harness).responseId;
  await answerTo(harness, [{ role: "tool", tool_call_id: "c1", content: "In Paris." }], thin);
  expect(lastTurn(harness).parentId).toBe(node);
  expect(lastTurn(harness).content).toContain("In Paris.");
});

test("an invalid request makes no session, and a failing upstream moves none [R2-003, R2-069]", async () => {
  await using harness = await startHarness();
  await harness.post(path, { messages: [{ role: "critic", content: "Hello" }] });
  expect(await (await harness.get("/v1/sessions")).json()).toMatchObject({ data: [] });
  const talk = createTalk(harness);
  await talk.say("Hello");
  const before = await (await harness.get("/v1/sessions")).text();
  harness.emulator.script({ times: 3, refuse: "internal-error" });
  const failed = await readError(await harness.post(path, { messages: [...talk.messages, user("Go on")] }));
  expect(failed.status).toBe(502);
  const now = await (await harness.get("/v1/sessions")).text();
  expect(withoutTimes(now)).toEqual(withoutTimes(before));
});

test.each([
  ["an image", { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }, "image_url.url"],
  ["sound", { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }, "input_audio"],
  ["a video", { type: "video_url", video_url: { url: "https://10.0.0.1/a.mp4" } }, "video_url"],
])(
  "%s that this upstream cannot take is refused with its field before anything is sent",
  async (_what, part, field) => {
    await using harness = await startHarness();
    const messages = [user("Hi"), assistant("Hello"), { role: "user", content: [{ type: "text", text: "See" }, part] }];
    const answer = await readError(await harness.post(path, { messages }));
    expect(answer).toMatchObject({ status: 400, error: { param: `messages[2].content[1].${field}` } });
    expect(upstreamTurns(harness)).toBe(0);
  },
);

test("a message beyond the account's limit is refused before it is sent", async () => {
  await using harness = await startHarness({ environment: { QWEN_MAX_MESSAGE_CHARS: "100", QWEN_UPLOAD: "false" } });
  const answer = await readError(await harness.post(path, { messages: [user("x".repeat(101))] }));
  expect(answer).toMatchObject({ status: 400, error: { code: "context_length_exceeded", param: "messages" } });
  expect(upstreamTurns(harness)).toBe(0);
  expect(await answerTo(harness, [user(`Say: ${"x".repeat(90)}`)])).toBe("x".repeat(90));
});

test("errors never echo what the user wrote [R0-032]", async () => {
  await using harness = await startHarness();
  const secret = "my-secret-words";
  const bodies = [
    { messages: [{ role: secret, content: secret }] },
    { messages: [user(secret), { role: "user", content: 1 }] },
    { messages: [user(secret)], stream: secret },
    `{"messages": "${secret}`,
  ];
  for (const body of bodies) {
    const { text } = await readError(await harness.post(path, body));
    expect(text).not.toContain(secret);
    expect(text).not.toMatch(/\bat \/|\/src\//);
  }
});

function withoutTimes(text: string): unknown {
  return JSON.parse(text, (key, value: unknown) => (key === "createdAt" || key === "lastAccessed" ? 0 : value));
}
