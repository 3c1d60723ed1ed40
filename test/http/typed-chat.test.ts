// The typed chat over HTTP: its frames, their order, its refusals and failures, over the web backend and over a server.

import { describe, expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { acceptedTurns, bodyOf, callsOf, readError } from "./client.ts";
import { blocksUntil, parseTyped, postMessage, readMessages, readTyped, say } from "./typed-client.ts";

const questions = { match: "JSON array", reply: { text: '["And then?", "Why?", "Who?"]' } };

test("a message is answered by typed events in their order [R3-001] [R3-011] [R3-014] [R3-016] [R3-017] [R3-018] [R3-021] [R3-022] [R3-023] [R3-025]", async () => {
  await using harness = await startHarness();
  harness.emulator.script(questions, {
    match: "capital",
    reply: { text: "The capital is Paris, as everybody knows." },
  });

  const answer = await say(harness, { message: "What is the capital of France?", session_id: "s1" });

  const kinds = answer.frames.map(({ event, data }) => Object.keys(event)[0] ?? data);
  const firstToken = kinds.indexOf("token");
  const lastToken = kinds.lastIndexOf("token");
  expect(kinds.slice(0, firstToken)).toEqual(["metadata", "stage", "stage", "sources", "stage"]);
  expect(new Set(kinds.slice(firstToken, lastToken))).toEqual(new Set(["token"]));
  expect(kinds.slice(lastToken + 1)).toEqual([
    "stage",
    "quality_score",
    "stage",
    "follow_up_questions",
    "metadata",
    "[DONE]",
  ]);
  expect(answer.stages).toEqual(["query_analysis", "retrieval", "generation", "quality", "follow_ups"]);
  expect(answer.text).toBe("The capital is Paris, as everybody knows.");
  expect(answer.frames.map(({ id }) => id)).toEqual(answer.frames.map((_, index) => index + 1));
  expect(answer.frames.find(({ event }) => "follow_up_questions" in event)?.event).toEqual({
    follow_up_questions: ["And then?", "Why?", "Who?"],
  });
  const quality = answer.frames.find(({ event }) => "quality_score" in event)?.event["quality_score"];
  expect(quality).toBeGreaterThan(0.5);
  expect(quality).toBeLessThanOrEqual(1);
});

test("the head is that of an event stream and names stream and session [R3-004] [R3-005] [R3-006] [R3-007]", async () => {
  await using harness = await startHarness();

  const { headers, opening, closing } = await say(harness, { message: "Hello", session_id: "s1" });

  expect(headers.get("content-type")).toStartWith("text/event-stream");
  expect(headers.get("cache-control")).toBe("no-cache");
  expect(headers.get("connection")).toBe("keep-alive");
  expect(headers.get("x-accel-buffering")).toBe("no");
  expect(headers.get("x-stream-id")).toBe(String(opening["stream_id"]));
  expect(headers.get("x-session-id")).toBe("s1");
  expect(opening).toMatchObject({ session_id: "s1", model: "qwen3-max", parent_id: null });
  expect(closing).toMatchObject({ session_id: "s1", upstream: "qwen-web", finish_reason: "stop" });
  expect(closing["total_tokens"]).toBe(Number(closing["prompt_tokens"]) + Number(closing["completion_tokens"]));
  expect(closing["completion_tokens"]).toBeGreaterThan(0);
});

test("the head names a session as the other surfaces do, so that whoever sends it back continues it", async () => {
  await using harness = await startHarness();

  for (const [id, told] of [
    ["user:42/a b@c", "user:42/a b@c"],
    ["会话", encodeURIComponent("会话")],
  ] as const) {
    const { headers } = await say(harness, { message: "Hello", session_id: id });
    expect(headers.get("x-session-id")).toBe(told);
  }
  const { opening } = await readTyped(
    await postMessage(harness, { message: "Hello" }, { headers: { "x-session-id": "user:42/a b@c" } }),
  );
  expect(opening["session_id"]).toBe("user:42/a b@c");
  expect(opening["parent_id"]).not.toBeNull();
});

test("a session that is not named gets an id, which the metadata tells [R3-003]", async () => {
  await using harness = await startHarness();

  const { opening, headers } = await say(harness, { message: "Hello" });

  expect(opening["session_id"]).toMatch(/^[0-9a-f]{32}$/);
  expect(headers.get("x-session-id")).toBe(String(opening["session_id"]));
});

test("text is told as it is, without escapes for what is not ASCII [R3-009]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ match: "weather", reply: { text: '今天天气很好 ☀️ "ja"\n2 < 3' } });

  const body = await (await postMessage(harness, { message: "weather?", options: { follow_ups: false } })).text();

  expect(body).toContain('"气很好"');
  expect(body).toContain("☀️");
  expect((await readTyped(new Response(body))).text).toBe('今天天气很好 ☀️ "ja"\n2 < 3');
});

describe("what an upstream has escaped is told without escapes", () => {
  const pieces = ["Ja", "\\u4f60\\u597d", " \\ud83d\\ude42 ", "\\u00e9"];

  test("over the web backend [R3-009]", async () => {
    await using harness = await startHarness();
    const raw = [
      'data: {"response.created":{"chat_id":"c","parent_id":"p1","response_id":"r1"}}',
      ...[...pieces, ""].map(
        (content, index) =>
          `data: {"choices":[{"delta":{"role":"assistant","content":"${content}","phase":"answer","status":"${index < pieces.length ? "typing" : "finished"}"}}],"response_id":"r1"}`,
      ),
    ];
    harness.emulator.script({ match: "Hello", reply: { raw: `${raw.join("\n\n")}\n\n` } });

    const body = await (await postMessage(harness, { message: "Hello", options: { steps: ["generation"] } })).text();

    expect(parseTyped(body).flatMap(({ data }) => (data.startsWith('{"token"') ? [data] : []))).toEqual(told);
  });

  test("over a server [R3-009]", async () => {
    const chunks = [...pieces, ""].map(
      (content, index) =>
        `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"local","choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":${index < pieces.length ? "null" : '"stop"'}}]}`,
    );
    const models = { "/v1/models": { body: '{"object":"list","data":[{"id":"local","object":"model"}]}' } };
    await using server = serveCompatible([{ body: `${[...chunks, "data: [DONE]"].join("\n\n")}\n\n` }], models);
    const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({ environment: { UPSTREAMS: upstreams, CHAT_STEPS: "generation" } });

    const body = await (await postMessage(harness, { message: "Hello", model: "local" })).text();

    expect(parseTyped(body).flatMap(({ data }) => (data.startsWith('{"token"') ? [data] : []))).toEqual(told);
  });

  const told = ['{"token":"Ja"}', '{"token":"你好"}', '{"token":" 🙂 "}', '{"token":"é"}'];
});

test("events come while the work is done, not at the end [R3-008] [R3-012]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ gate: "held", reply: { chunks: ["one ", "two ", "three"] } });

  const live = readLive(await postMessage(harness, { message: "Go on" }));
  // Before a word of the answer is there, the stages are.
  const blocks = await blocksUntil(live, '"generation"');
  harness.emulator.release("held", 2);
  const token = await live.next();
  harness.emulator.release("held", "all");
  const rest = parseTyped(await live.rest());

  expect(blocks.at(-1)).toMatch(/^id: \d+\ndata: \{"stage":"generation"\}$/);
  expect(token?.data).toBe('{"token":"one "}');
  expect(rest.at(-1)?.data).toBe("[DONE]");
});

test("a comment says in silence that the stream is alive [R3-015]", async () => {
  await using harness = await startHarness({ environment: { SSE_KEEPALIVE_MS: "20" } });
  harness.emulator.script({ gate: "held", reply: { text: "late" } });

  const live = readLive(await postMessage(harness, { message: "Go on" }));
  await blocksUntil(live, '"generation"');
  for (let comments = 0; comments < 3; comments++) expect(await blocksUntil(live, ": keepalive")).toHaveLength(1);
  harness.emulator.release("held", "all");

  expect(await live.rest()).toContain("data: [DONE]");
});

test("the model's thoughts are events of their own", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { thinking: "Let me see", text: "Done" } });

  const answer = await say(harness, { message: "Think", options: { reasoning: true } });

  expect(answer.frames.flatMap(({ event }) => event["reasoning"] ?? []).join("")).toBe("Let me see");
  expect(answer.text).toBe("Done");
});

test("pages that the upstream has searched are told with the pieces of documents, before the first token, and kept [R3-025]", async () => {
  await using harness = await startHarness({ environment: { CHAT_STEPS: "query_analysis,retrieval,generation" } });
  const pages = [
    { url: "https://law.example/notice", title: "Notice periods", snippet: "Three months are usual." },
    { url: "javascript:alert(1)", title: "No page" },
  ];
  harness.emulator.script({ match: "notice", reply: { sources: pages, text: "Three months." } });
  await bodyOf(await harness.post("/api/documents", { name: "lease.txt", text: "The notice is two months." }));

  const answer = await say(harness, {
    message: "How long is the notice?",
    session_id: "s1",
    options: { web_search: true },
  });

  const told = answer.frames.flatMap(({ event }, index) =>
    "sources" in event ? [{ index, sources: event["sources"] }] : [],
  );
  const firstToken = answer.frames.findIndex(({ event }) => "token" in event);
  const web = [
    {
      chunk_id: "web-1",
      document_name: "Notice periods",
      text: "Three months are usual.",
      score: 1,
      url: "https://law.example/notice",
    },
    { chunk_id: "web-2", document_name: "No page", text: "No page", score: 1 },
  ];
  expect(told.map(({ sources }) => sources)).toEqual([
    [expect.objectContaining({ document_name: "lease.txt" })],
    [expect.objectContaining({ document_name: "lease.txt" }), ...web],
  ]);
  expect(told[1]?.index).toBe(firstToken - 1);
  expect(answer.frames.map(({ id }) => id)).toEqual(answer.frames.map((_, index) => index + 1));
  expect((await readMessages(harness, "s1"))[1]?.["sources"]).toEqual(told[1]?.sources);
});

test("of the documents that a message names, those are searched that are still there [R3-020]", async () => {
  await using harness = await startHarness({ environment: { CHAT_STEPS: "query_analysis,retrieval,generation" } });
  const posted = await harness.post("/api/documents", { name: "lease.txt", text: "The notice is two months." });
  const { data } = (await posted.json()) as { data: { id: string }[] };

  const documents = ["deleted", data[0]?.id];
  const answer = await say(harness, { message: "How long is the notice?", session_id: "s1", documents });

  expect(answer.frames.map(({ event }) => event["sources"]).find((sources) => sources !== undefined)).toEqual([
    expect.objectContaining({ document_name: "lease.txt" }),
  ]);
});

describe("a failure", () => {
  test("before the first word is an error in the stream, which ends it [R3-013] [R3-024] [R3-084]", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ on: "completions", refuse: "internal-error", times: "always" });

    const answer = await say(harness, { message: "Hello" });

    expect(answer.isDone).toBe(false);
    expect(Object.keys(answer.frames.at(-1)?.event ?? {})).toEqual(["error"]);
    expect(answer.error).toBeString();
    expect(answer.error).not.toMatch(/\bat .*:\d+|Error:|src\//);
  });

  test("in mid-answer is an error behind what was said", async () => {
    await using harness = await startHarness({ environment: { QWEN_RECOVER: "false" } });
    harness.emulator.script({ reply: { chunks: ["one ", "two ", "three"], faults: [{ kind: "drop", after: 3 }] } });

    const answer = await say(harness, { message: "Hello" });

    expect(answer.text).toStartWith("one ");
    expect(answer.isDone).toBe(false);
    expect(answer.error).toBeString();
  });

  test("of the questions that may follow costs only them", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ match: "JSON array", refuse: "internal-error", times: "always" });

    const answer = await say(harness, { message: "Say: hi" });

    expect(answer).toMatchObject({ text: "hi", isDone: true, error: undefined });
    expect(answer.frames.some(({ event }) => "follow_up_questions" in event)).toBe(false);
  });
});

describe("a wrong request is refused before the stream and names its field [R3-003]", () => {
  test.each([
    ["no JSON", "{", null],
    ["no object", [], null],
    ["no message", { session_id: "s1" }, "message"],
    ["an empty message", { message: " \n" }, "message"],
    ["a message that is no text", { message: 1 }, "message"],
    ["a session that is no text", { message: "x", session_id: 7 }, "session_id"],
    ["a session of control characters", { message: "x", session_id: "a\u0000b" }, "session_id"],
    ["an unknown parent", { message: "x", parent_id: "m1" }, "parent_id"],
    ["an unknown message to answer once more", { retry_of: "m1" }, "retry_of"],
    ["both", { message: "x", retry_of: "m1" }, "retry_of"],
    ["an unknown step", { message: "x", options: { steps: ["dance"] } }, "options.steps[0]"],
    ["an option of the wrong kind", { message: "x", options: { quality: "yes" } }, "options.quality"],
    [
      "an attachment from elsewhere",
      { message: "x", attachments: [{ name: "a", url: "http://a/" }] },
      "attachments[0].url",
    ],
  ])("%s", async (_what, body, param) => {
    await using harness = await startHarness();

    const response = await postMessage(harness, body);

    const answer = (await response.json()) as { message: string; error: { message: string; param: string | null } };
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(answer.error).toMatchObject({ message: answer.message, type: "invalid_request_error", param });
    expect(acceptedTurns(harness)).toEqual([]);
  });
});

test("steps are left out by request and by configuration", async () => {
  await using harness = await startHarness({ environment: { CHAT_STEPS: "query_analysis,generation,quality" } });

  const configured = await say(harness, { message: "Hello" });
  const chosen = await say(harness, { message: "Hello", options: { steps: ["generation"] } });
  const without = await say(harness, { message: "Hello", options: { quality: false } });

  expect(configured.stages).toEqual(["query_analysis", "generation", "quality"]);
  expect(chosen.stages).toEqual(["generation"]);
  expect(without.stages).toEqual(["query_analysis", "generation"]);
});

test("a question beside the conversation leaves nothing behind, neither session nor chat", async () => {
  await using harness = await startHarness();
  harness.emulator.script(questions);

  await say(harness, { message: "Hello there, tell me of rivers", session_id: "s1" });
  await harness.emulator.until((requests) => requests.some(({ on, status }) => on === "delete" && status !== 0));

  expect(harness.emulator.chats()).toHaveLength(1);
  const sessions = (await (await harness.get("/v1/sessions")).json()) as { data: { sessionId: string }[] };
  expect(sessions.data.map(({ sessionId }) => sessionId)).toEqual(["s1"]);
  expect(callsOf(harness, "delete")).toHaveLength(1);
});

test.each([
  ["chat is being made", { on: "chats/new" }],
  ["answer begins", { match: "JSON array" }],
] as const)("nor does one whose reader leaves while its %s", async (_name, order) => {
  await using harness = await startHarness();
  harness.emulator.script({ match: "rivers", gate: "answer" });
  const controller = new AbortController();
  const body = { message: "Tell me of rivers", options: { quality: false } };
  const answer = postMessage(harness, body, { signal: controller.signal }).then(bodyOf);
  await harness.emulator.until(() => callsOf(harness, "completions").length === 1);
  harness.emulator.script({ ...order, gate: "beside" });
  harness.emulator.release("answer", "all");
  await harness.emulator.until(() => callsOf(harness, "on" in order ? order.on : "completions").length === 2);
  controller.abort();
  await answer.catch(() => undefined);
  harness.emulator.release("beside", "all");
  await harness.emulator.until(() => callsOf(harness, "delete").some(({ status }) => status === 200));

  expect(harness.emulator.chats()).toHaveLength(1);
});

describe("over a server without memory", () => {
  const chunk = (delta: object, finish: string | null = null): string =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const saying = (text: string) => ({
    body: `${chunk({ role: "assistant", content: "" })}${chunk({ content: text })}${chunk({}, "stop")}data: [DONE]\n\n`,
  });
  const models = {
    "/v1/models": {
      body: JSON.stringify({ object: "list", data: [{ id: "local", object: "model", created: 1, owned_by: "vllm" }] }),
    },
  };

  test("the stream is the same, and the history is told from what is kept, also after a restart [R3-018]", async () => {
    await using server = serveCompatible([saying("Hello Ada"), saying("You are Ada"), saying("Ada")], models);
    const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({
      environment: { UPSTREAMS: upstreams, CHAT_STEPS: "query_analysis,retrieval,generation" },
    });
    const ask = (message: string) => say(harness, { message, session_id: "s1", model: "local" });

    const first = await ask("I am Ada");
    await ask("Who am I?");
    await harness.restart();
    await ask("And again?");

    expect(first).toMatchObject({ text: "Hello Ada", isDone: true });
    const told = server.completions.at(-1)?.body?.["messages"] as { role: string; content: string }[];
    expect(told.map(({ role, content }) => `${role}: ${content}`)).toEqual([
      "user: I am Ada",
      "assistant: Hello Ada",
      "user: Who am I?",
      "assistant: You are Ada",
      "user: And again?",
    ]);
  });

  test("a message that no server takes does not end its conversation", async () => {
    await using server = serveCompatible([saying("One"), saying("Two")], models);
    const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({ environment: { UPSTREAMS: upstreams, CHAT_STEPS: "generation" } });
    const ask = (message: string, more: object = {}) =>
      say(harness, { message, session_id: "s1", model: "local", ...more });
    const attachments = [{ name: "a.bin", url: "data:application/octet-stream;base64,AAAA" }];

    await ask("First");
    const refused = await ask("Look", { attachments });
    const next = await ask("Second");

    expect(refused.error).toContain("attachments[0].url");
    expect(next).toMatchObject({ text: "Two", isDone: true });
    const told = server.completions.at(-1)?.body?.["messages"] as { content: string }[];
    expect(told.map(({ content }) => content)).toEqual(["First", "One", "Second"]);
  });

  test("the upstream of the request is asked, and an unknown one is told", async () => {
    await using server = serveCompatible([saying("from home")], models);
    const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({ environment: { UPSTREAMS: upstreams, CHAT_STEPS: "generation" } });

    const pinned = await say(harness, { message: "Hello", upstream: "home", model: "local" });
    const unknown = await readError(await postMessage(harness, { message: "Hello", upstream: "nowhere" }));

    expect(pinned).toMatchObject({ text: "from home" });
    expect(pinned.closing["upstream"]).toBe("home");
    expect(unknown).toMatchObject({ status: 400, error: { param: "upstream" } });
    expect(unknown.error.message).toContain("qwen-web, home");
  });

  test("the model that answers is told where the message names none [R3-023]", async () => {
    await using server = serveCompatible([saying("from home")], models);
    const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({ environment: { UPSTREAMS: upstreams, CHAT_STEPS: "generation" } });

    const { closing } = await say(harness, { message: "Hello", session_id: "s1", upstream: "home" });

    expect(server.completions.at(-1)?.body).toMatchObject({ model: "local" });
    expect(closing["model"]).toBe("local");
    expect((await readMessages(harness, "s1")).at(-1)).toMatchObject({ role: "assistant", model: "local" });
  });
});
