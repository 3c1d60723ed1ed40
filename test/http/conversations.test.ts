// Conversations that clients keep by name: filled by responses, listed, changed, deleted, and each its caller's alone.

import { expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { pngUrl } from "../support/sample-files.ts";
import { acceptedTurns, lastTurn, readError } from "./client.ts";
import { respond, user } from "./responses-client.ts";

async function call(harness: Harness, method: string, path: string, body?: object, key?: string) {
  const response = await fetch(`${harness.url}/v1/conversations${path}`, {
    method,
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
}

async function create(harness: Harness, body: object = {}): Promise<string> {
  const made = await call(harness, "POST", "", body);
  expect(made.status).toBe(200);
  return String(made.body["id"]);
}

/** Oldest first: the role of each message, and what it says. */
async function said(harness: Harness, id: string): Promise<string[]> {
  const { body } = await call(harness, "GET", `/${id}/items?order=asc&limit=100`);
  const items = body["data"] as { type: string; role?: string; content?: { text?: string; type: string }[] }[];
  return items.map(
    ({ type, role, content = [] }) => `${role ?? type}: ${content.map((part) => part.text ?? part.type).join("|")}`,
  );
}

test("a conversation is made, looked at, changed and deleted", async () => {
  await using harness = await startHarness();
  const made = await call(harness, "POST", "", { metadata: { topic: "cats" }, items: [user("Hello")] });
  const id = String(made.body["id"]);
  expect(made.body).toEqual({
    id: expect.stringMatching(/^conv_[0-9a-f]{32}$/),
    object: "conversation",
    created_at: expect.any(Number),
    metadata: { topic: "cats" },
  });
  expect((await call(harness, "GET", `/${id}`)).body).toEqual(made.body);
  expect((await call(harness, "POST", `/${id}`, { metadata: { topic: "dogs" } })).body).toEqual({
    ...made.body,
    metadata: { topic: "dogs" },
  });
  expect((await call(harness, "DELETE", `/${id}`)).body).toEqual({ id, object: "conversation.deleted", deleted: true });
  for (const [method, path] of [
    ["GET", `/${id}`],
    ["DELETE", `/${id}`],
    ["GET", `/${id}/items`],
    ["POST", `/${id}`],
    ["GET", `/${id}/items/x`],
  ] as const) {
    expect((await call(harness, method, path, method === "POST" ? { metadata: {} } : undefined)).status).toBe(404);
  }
  // A body is not needed.
  const bare = await fetch(`${harness.url}/v1/conversations`, { method: "POST" });
  expect(bare.status).toBe(200);
});

test("an item that comes again is passed over, and another one under its id is refused", async () => {
  await using harness = await startHarness();
  const one = { id: "msg_1", type: "message", role: "user", content: [{ type: "input_text", text: "One" }] };
  const again = { id: "msg_1", role: "user", content: "One", status: "completed" };
  const other = { id: "msg_1", role: "user", content: "Two" };
  const id = await create(harness);
  const param = async (path: string, body: object) =>
    (await readError(await harness.post(path, body))).error["param"] as unknown;

  expect((await call(harness, "POST", `/${id}/items`, { items: [one, again] })).status).toBe(200);
  expect(await param("/v1/conversations", { items: [one, other] })).toBe("items[1].id");
  expect(await param(`/v1/conversations/${id}/items`, { items: [user("Hi"), other] })).toBe("items[1].id");
  expect(await param("/v1/responses", { conversation: id, input: [other, user("Hi")] })).toBe("input[0].id");
  // Some clients refer to an item by its id alone.
  expect(await param("/v1/responses", { conversation: id, input: [{ id: "msg_1" }, other] })).toBe("input[1].id");
  expect((await harness.post("/v1/responses", { conversation: id, input: [again, user("Hi")] })).status).toBe(200);
  // Without a conversation they are told and kept as they are.
  expect((await harness.post("/v1/responses", { input: [one, other] })).status).toBe(200);
  const unnamed = { id: "", role: "user", content: "Three" };
  await call(harness, "POST", `/${id}/items`, { items: [unnamed, { ...unnamed, content: "Four" }] });
  const { data } = (await call(harness, "GET", `/${id}/items?order=asc`)).body as { data: { id: string }[] };
  expect(data.filter(({ id: itemId }) => itemId === "msg_1")).toHaveLength(1);
  expect(data.slice(-2)).toMatchObject([
    { content: [{ text: "Three" }], id: expect.stringMatching(/^msg_./) },
    { content: [{ text: "Four" }], id: expect.stringMatching(/^msg_./) },
  ]);
});

test.each([
  ["a long text", { role: "user", content: [{ type: "input_text", text: "Long words. ".repeat(200) }] }],
  ["a picture", { role: "user", content: [{ type: "input_image", image_url: pngUrl("a"), detail: "auto" }] }],
  ["a call", { type: "function_call", call_id: "c", name: "f", arguments: '{"a":1,"b":2}' }],
  ["a long result", { type: "function_call_output", call_id: "c", output: "Long words. ".repeat(200) }],
  ["instructions", { role: "developer", content: "Be brief." }],
])("%s that comes again is the same item", async (_what, item) => {
  await using harness = await startHarness();
  const id = await create(harness);
  const items = [{ id: "item_1", ...item }];
  await call(harness, "POST", `/${id}/items`, { items });
  const other = [{ id: "item_1", role: "developer", content: "Be kind." }];

  expect((await call(harness, "POST", `/${id}/items`, { items })).status).toBe(200);
  expect((await harness.post("/v1/responses", { conversation: id, input: [...items, user("Hi")] })).status).toBe(200);
  expect((await harness.post(`/v1/conversations/${id}/items`, { items: other })).status).toBe(400);
});

test("calls and their results are told to be completed, as messages are", async () => {
  await using harness = await startHarness();
  const items = [
    { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
    { type: "function_call_output", call_id: "a", output: "1", status: null },
    { type: "custom_tool_call", id: "ctc_1", call_id: "b", name: "g", input: "x" },
    { type: "custom_tool_call_output", call_id: "b", output: "2" },
    { type: "function_call", call_id: "c", name: "f", arguments: "{", status: "incomplete" },
  ];
  const id = await create(harness);
  await call(harness, "POST", `/${id}/items`, { items });
  const listed = (await call(harness, "GET", `/${id}/items?order=asc`)).body["data"] as { status: string }[];

  const statuses = ["completed", "completed", "completed", "completed", "incomplete"];
  expect(listed.map(({ status }) => status)).toEqual(statuses);
  const response = await harness.post("/v1/responses", { input: [...items.slice(0, 4), user("Go on")] });
  const { id: responseId } = (await response.json()) as { id: string };
  const asked = await harness.get(`/v1/responses/${responseId}/input_items?order=asc`);
  const { data } = (await asked.json()) as { data: { status: string }[] };
  expect(data.map(({ status }) => status)).toEqual(data.map(() => "completed"));
});

test("items are added, listed in both orders, looked at and deleted", async () => {
  await using harness = await startHarness();
  const id = await create(harness);
  const added = await call(harness, "POST", `/${id}/items`, {
    items: [user("One"), { role: "assistant", content: "Two" }, { type: "message", role: "user", content: "Three" }],
  });
  expect(added.body).toMatchObject({ object: "list", has_more: false });
  const items = added.body["data"] as { id: string }[];
  expect(items).toMatchObject([
    { type: "message", role: "user", status: "completed", content: [{ type: "input_text", text: "One" }] },
    { role: "assistant", content: [{ type: "output_text", text: "Two", annotations: [] }] },
    { role: "user", content: [{ type: "input_text", text: "Three" }] },
  ]);
  const newest = await call(harness, "GET", `/${id}/items?limit=2`);
  expect(newest.body).toEqual({
    object: "list",
    data: [items[2], items[1]],
    first_id: items[2]?.id,
    last_id: items[1]?.id,
    has_more: true,
  });
  expect((await call(harness, "GET", `/${id}/items?limit=2&after=${items[1]?.id}`)).body).toMatchObject({
    data: [items[0]],
    has_more: false,
  });
  expect((await call(harness, "GET", `/${id}/items/${items[1]?.id}`)).body as unknown).toEqual(items[1]);
  expect((await call(harness, "DELETE", `/${id}/items/${items[1]?.id}`)).body).toMatchObject({
    id,
    object: "conversation",
  });
  expect((await call(harness, "GET", `/${id}/items/${items[1]?.id}`)).status).toBe(404);
  expect(await said(harness, id)).toEqual(["user: One", "user: Three"]);
});

test.each([true, false])(
  "responses go on in a conversation and add to it, in one chat, streamed: %p",
  async (stream) => {
    await using harness = await startHarness();
    const id = await create(harness, { items: [user("My name is Ada.")] });

    const first = await respond(harness, { stream, conversation: id, input: "Count to 3" });
    expect(first.response["conversation"]).toEqual({ id });
    expect(first.response["previous_response_id"]).toBeNull();
    expect(lastTurn(harness).content).toContain("My name is Ada.");
    const { chatId, responseId } = lastTurn(harness);
    const second = await respond(harness, { stream, conversation: { id }, input: [user("What is my name?")] });

    expect(second.text).toContain("Ada");
    expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
    expect(await said(harness, id)).toEqual([
      "user: My name is Ada.",
      "user: Count to 3",
      `assistant: ${first.text}`,
      "user: What is my name?",
      `assistant: ${second.text}`,
    ]);
  },
);

test("a conversation goes on after a restart, with pictures and calls in it", async () => {
  await using harness = await startHarness();
  const id = await create(harness);
  const tools = [{ type: "function", name: "look", parameters: { type: "object" } }];
  harness.emulator.script({ reply: { calls: [{ name: "look", arguments: {} }] } });
  const first = await respond(harness, {
    conversation: id,
    tools,
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: "Look" },
          { type: "input_image", image_url: pngUrl() },
        ],
      },
    ],
  });
  const { chatId } = lastTurn(harness);
  await harness.restart();

  const output = { type: "function_call_output", call_id: first.items[0]?.["call_id"], output: "A cat" };
  await respond(harness, { conversation: id, tools, input: [output] });

  expect(lastTurn(harness)).toMatchObject({ chatId, content: expect.stringContaining("A cat") });
  expect(lastTurn(harness).body.messages[0].files).toEqual([]);
  expect(await said(harness, id)).toEqual([
    "user: Look|input_image",
    "function_call: ",
    "function_call_output: ",
    expect.stringMatching(/^assistant: /),
  ]);
});

test("nothing is added by a response that fails, or whose client hangs up; store: false adds all the same", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
  const id = await create(harness);
  harness.emulator.script({ refuse: "internal-error", times: 3 });
  expect((await harness.post("/v1/responses", { conversation: id, input: "Hi" })).status).toBe(502);
  harness.emulator.script({
    reply: { chunks: ["one ", "two "], faults: [{ kind: "drop", after: 2 }] } as never,
    times: 3,
  });
  await (await harness.post("/v1/responses", { conversation: id, input: "Hi", stream: true })).text();
  expect(await said(harness, id)).toEqual([]);
  harness.emulator.reset();

  const answer = await respond(harness, { conversation: id, input: "Count to 3", store: false });
  expect(await said(harness, id)).toEqual(["user: Count to 3", `assistant: ${answer.text}`]);
});

test("what was added to a conversation is answered without another input", async () => {
  await using harness = await startHarness();
  const id = await create(harness, { items: [user("Say first")] });
  const first = await respond(harness, { conversation: id });
  const next = await respond(harness, { previous_response_id: first.id, input: null, instructions: "Be brief." });
  const response = await fetch(`${harness.url}/v1/responses/${first.id}/input_items`);

  expect(first.text).toBe("first");
  expect(next.response["status"]).toBe("completed");
  expect(await said(harness, id)).toEqual(["user: Say first", "assistant: first"]);
  expect(await response.json()).toMatchObject({ data: [] });
});

test("a request that neither has an input nor goes on from anything is refused", async () => {
  await using harness = await startHarness();
  const empty = await create(harness);
  const bodies = [{}, { conversation: empty }];
  for (const body of bodies) {
    const error = await readError(await harness.post("/v1/responses", { model: "qwen3-max", ...body }));
    expect(error).toMatchObject({ status: 400, error: { param: "input" } });
  }
});

test("a response in the background adds to its conversation", async () => {
  await using harness = await startHarness();
  const id = await create(harness);
  for (const stream of [false, true]) {
    const begun = await harness.post("/v1/responses", {
      conversation: id,
      input: `Count to ${stream ? 4 : 3}`,
      background: true,
      stream,
    });
    const body = await begun.text();
    const responseId = /resp_[0-9a-f]{32}/.exec(body)?.[0];
    for (;;) {
      const { status } = (await (await harness.get(`/v1/responses/${responseId}`)).json()) as { status: string };
      if (status === "completed") break;
      expect(status).toBe("in_progress");
    }
  }
  expect(await said(harness, id)).toEqual([
    "user: Count to 3",
    "assistant: 1 2 3",
    "user: Count to 4",
    "assistant: 1 2 3 4",
  ]);
});

test("previous_response_id goes on from a response of a conversation with all that was said before it", async () => {
  await using harness = await startHarness();
  const id = await create(harness, { items: [user("My name is Ada.")] });
  const first = await respond(harness, { conversation: id, input: "Count to 3" });
  await respond(harness, { conversation: id, input: "My cat is Tom." });

  const branch = await respond(harness, { previous_response_id: first.id, input: "What is my name?" });

  expect(branch.text).toContain("Ada");
  expect(branch.response["conversation"]).toBeUndefined();
  expect(await said(harness, id)).toHaveLength(5);
  await call(harness, "DELETE", `/${id}`);
  // It is kept by itself, and says plainly that what was before it is gone.
  expect((await harness.get(`/v1/responses/${first.id}`)).status).toBe(200);
  const refused = await readError(
    await harness.post("/v1/responses", { previous_response_id: first.id, input: "Go on" }),
  );
  expect([refused.status, refused.error.param]).toEqual([404, "previous_response_id"]);
  expect(refused.error.message).toContain("conversation");
});

test("another caller has none of it", async () => {
  await using harness = await startHarness({ environment: { API_KEY: "key-ann,key-bob" } });
  const made = await call(harness, "POST", "", { items: [user("Secret")] }, "key-ann");
  const id = String(made.body["id"]);
  const items = (await call(harness, "GET", `/${id}/items`, undefined, "key-ann")).body["data"] as { id: string }[];
  expect(items).toHaveLength(1);
  for (const [method, path, body] of [
    ["GET", `/${id}`],
    ["GET", `/${id}/items`],
    ["GET", `/${id}/items/${items[0]?.id}`],
    ["DELETE", `/${id}/items/${items[0]?.id}`],
    ["POST", `/${id}`, { metadata: {} }],
    ["POST", `/${id}/items`, { items: [user("Mine")] }],
    ["DELETE", `/${id}`],
  ] as const) {
    expect((await call(harness, method, path, body, "key-bob")).status).toBe(404);
  }
  const answer = await harness.post(
    "/v1/responses",
    { conversation: id, input: "What?" },
    { headers: { authorization: "Bearer key-bob" } },
  );
  const refused = await readError(answer);
  expect([refused.status, refused.error.param]).toEqual([404, "conversation"]);
  expect((await call(harness, "GET", `/${id}/items`, undefined, "key-ann")).body["data"]).toHaveLength(1);
});

test("what is wrong is named", async () => {
  await using harness = await startHarness();
  const id = await create(harness);
  const cases: readonly (readonly [path: string, body: object, param: string])[] = [
    ["", { items: "x" }, "items"],
    ["", { items: [{ role: "nobody", content: "x" }] }, "items[0].role"],
    ["", { items: Array.from({ length: 21 }, () => user("x")) }, "items"],
    ["", { metadata: "x" }, "metadata"],
    ["", { metadata: { a: 1 } }, "metadata"],
    ["", { metadata: { a: "x".repeat(513) } }, "metadata"],
    [`/${id}/items`, {}, "items"],
    [`/${id}/items`, { items: [user("x"), { type: "function_call_output", output: "x" }] }, "items[1].call_id"],
  ];
  for (const [path, body, param] of cases) {
    const { status, body: answer } = await call(harness, "POST", path, body);
    expect([status, answer["error"]]).toEqual([400, expect.objectContaining({ param })]);
  }
  expect((await call(harness, "GET", `/${id}/items?limit=0`)).status).toBe(400);
  const order = await call(harness, "GET", `/${id}/items?order=up`);
  expect([order.status, order.body["error"]]).toEqual([400, expect.objectContaining({ param: "order" })]);
  const both = await readError(
    await harness.post("/v1/responses", { conversation: id, previous_response_id: "resp_x", input: "Hi" }),
  );
  expect([both.status, both.error.param]).toEqual([400, "previous_response_id"]);
});

test("deleting a session deletes its responses, also those that were made before a restart", async () => {
  await using harness = await startHarness();
  const first = await respond(harness, { input: "Count to 3" });
  const other = await respond(harness, { input: "Count to 4" });
  const second = await respond(harness, { input: "And on", previous_response_id: first.id, stream: false });
  const { data } = (await (await harness.get("/v1/sessions")).json()) as {
    data: { sessionId: string; chatId: string }[];
  };
  const [turn] = acceptedTurns(harness);
  const sessionId = data.find(({ chatId }) => chatId === turn?.chatId)?.sessionId;
  await harness.restart();

  expect((await fetch(`${harness.url}/v1/sessions/${sessionId}`, { method: "DELETE" })).status).toBe(200);

  for (const { id } of [first, second]) expect((await harness.get(`/v1/responses/${id}`)).status).toBe(404);
  expect((await harness.get(`/v1/responses/${other.id}`)).status).toBe(200);
  expect((await harness.post("/v1/responses", { input: "On", previous_response_id: second.id })).status).toBe(404);
});

test("a response that runs while its session is deleted is not kept", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ gate: "slow", reply: { chunks: ["one ", "two"] } });
  harness.emulator.release("slow", 2);
  const answer = await harness.post(
    "/v1/responses",
    { input: "Hi", stream: true },
    { headers: { "x-session-id": "mine" } },
  );
  const reader = answer.body?.getReader();
  const first = new TextDecoder().decode((await reader?.read())?.value);
  await fetch(`${harness.url}/v1/sessions/mine`, { method: "DELETE" });
  harness.emulator.release("slow", "all");
  while (!(await reader?.read())?.done);

  const [id] = /resp_[0-9a-f]{32}/.exec(first) ?? [];
  expect(id).toStartWith("resp_");
  expect((await harness.get(`/v1/responses/${id}`)).status).toBe(404);
});

test("a whole answer is not kept either, but what is asked in the session after that is", async () => {
  await using harness = await startHarness();
  const headers = { "x-session-id": "mine" };
  const before = await respond(harness, { input: "Hi" }, headers);
  harness.emulator.script({ gate: "slow", reply: { chunks: ["one ", "two"] } });
  const answer = harness.post("/v1/responses", { input: "Hi again", stream: false }, { headers });
  await harness.emulator.until((requests) => requests.filter(({ on }) => on === "completions").length === 2);
  await fetch(`${harness.url}/v1/sessions/mine`, { method: "DELETE" });
  harness.emulator.release("slow", "all");
  const { id } = (await (await answer).json()) as { id: string };
  const after = await respond(harness, { input: "Hi again" }, headers);

  const statuses = [before.id, id, after.id].map(async (one) => (await harness.get(`/v1/responses/${one}`)).status);
  expect(await Promise.all(statuses)).toEqual([404, 404, 200]);
});
