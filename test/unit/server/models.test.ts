import { expect, test } from "bun:test";
import { readError, startTestServer } from "./test-server.ts";

test("models answer one list that OpenAI's and Anthropic's packages read", async () => {
  const { get } = startTestServer();
  expect(await (await get("/v1/models")).json()).toEqual({
    object: "list",
    data: [
      {
        id: "qwen3-max",
        object: "model",
        created: 1_700_000_000,
        owned_by: "qwen",
        type: "model",
        display_name: "Model qwen3-max",
        created_at: "2023-11-14T22:13:20.000Z",
        context_length: 262_144,
        max_output_tokens: null,
        max_input_tokens: 262_144,
        max_tokens: null,
        vision: false,
        thinking: true,
      },
      expect.objectContaining({ id: "org/qwen3:8b", created: 0, created_at: "1970-01-01T00:00:00.000Z" }),
    ],
    has_more: false,
    first_id: "qwen3-max",
    last_id: "org/qwen3:8b",
  });
});

test("models answer an empty list without first and last", async () => {
  const { get } = startTestServer({ gateway: { listModels: async () => [] } });
  expect(await (await get("/v1/models")).json()).toEqual({
    object: "list",
    data: [],
    has_more: false,
    first_id: null,
    last_id: null,
  });
});

test("models are found by ids with slashes and colons, escaped or not", async () => {
  const { get } = startTestServer();
  for (const id of ["qwen3-max", "org/qwen3:8b", "org%2Fqwen3%3A8b"]) {
    const response = await get(`/v1/models/${id}`);
    expect([id, response.status]).toEqual([id, 200]);
    expect(await response.json()).toMatchObject({ object: "model", id: decodeURIComponent(id) });
  }
});

test("models that are unknown are 404 with OpenAI's code [R2-056]", async () => {
  const { get } = startTestServer();
  for (const id of ["gpt-4", "qwen3", "", "%E0%A4%A"]) {
    const response = await get(`/v1/models/${id}`);
    expect([id, response.status, (await readError(response)).code]).toEqual([id, 404, "model_not_found"]);
  }
});
