import { expect, test } from "bun:test";
import type Anthropic from "@anthropic-ai/sdk";
import type { ModelInfo } from "../../../src/contract/upstream.ts";
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

test("models tell Anthropic's clients what they can, every known capability", async () => {
  const { get } = startTestServer({
    gateway: {
      findModel: async (name) => ({ ...modelCalled(name), vision: name === "sees", thinking: name === "thinks" }),
    },
  });
  const headers = { "anthropic-version": "2023-06-01" };
  const read = async (name: string) => (await (await get(`/v1/models/${name}`, headers)).json()) as Anthropic.ModelInfo;
  const whole = await read("sees");
  const [sees, thinks] = [whole.capabilities, (await read("thinks")).capabilities];
  const { data } = (await (await get("/v1/models", headers)).json()) as { data: Anthropic.ModelInfo[] };

  expect(whole).toMatchObject({ lifecycle: "active", line: null, deprecated_at: null, retires_at: null });
  expect(data.map(({ lifecycle, capabilities }) => [lifecycle, capabilities?.pdf_input.supported])).toEqual([
    ["active", true],
    ["active", true],
  ]);
  expect([sees?.image_input, thinks?.image_input]).toEqual([{ supported: true }, { supported: false }]);
  expect([sees?.thinking.supported, sees?.thinking.types.enabled]).toEqual([false, { supported: false }]);
  expect([thinks?.thinking.supported, thinks?.thinking.types.enabled]).toEqual([true, { supported: true }]);
  expect(thinks?.effort).toEqual({
    supported: true,
    low: { supported: true },
    medium: { supported: true },
    high: { supported: true },
    xhigh: { supported: true },
    max: { supported: true },
  });
  expect(Object.keys(sees ?? {})).toEqual([
    "batch",
    "citations",
    "code_execution",
    "context_management",
    "effort",
    "image_input",
    "pdf_input",
    "server_tools",
    "structured_outputs",
    "thinking",
  ]);
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

test("models come in pages for who asks for them", async () => {
  const ids = ["a", "b", "c", "d"];
  const { get } = startTestServer({ gateway: { listModels: async () => ids.map(modelCalled) } });
  const page = async (query: string) => {
    const { data, has_more, first_id, last_id } = (await (await get(`/v1/models?${query}`)).json()) as ModelPage;
    return [data.map(({ id }) => id).join(""), has_more, first_id, last_id];
  };

  expect(await page("limit=3")).toEqual(["abc", true, "a", "c"]);
  expect(await page("limit=3&after_id=c")).toEqual(["d", false, "d", "d"]);
  expect(await page("limit=2&before_id=d")).toEqual(["bc", true, "b", "c"]);
  expect(await page("before_id=b")).toEqual(["a", false, "a", "a"]);
  expect(await page("after_id=d")).toEqual(["", false, null, null]);
});

test.each([
  ["limit=0", "limit"],
  ["limit=1001", "limit"],
  ["limit=two", "limit"],
  ["limit=", "limit"],
  ["after_id=nothing", "after_id"],
  ["before_id=nothing", "before_id"],
  ["after_id=qwen3-max&before_id=qwen3-max", "before_id"],
])("models refuse %s and name the field", async (query, param) => {
  const { get } = startTestServer();
  const response = await get(`/v1/models?${query}`);

  expect([response.status, (await readError(response)).param]).toEqual([400, param]);
});

interface ModelPage {
  readonly data: readonly { readonly id: string }[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

function modelCalled(id: string): ModelInfo {
  return {
    id,
    displayName: id,
    ownedBy: "qwen",
    contextTokens: undefined,
    createdAtSeconds: undefined,
    maxOutputTokens: undefined,
    vision: false,
    thinking: false,
  };
}
