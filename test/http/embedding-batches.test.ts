// More inputs than DashScope takes at once: the client sees one request and one answer.

import { expect, test } from "bun:test";
import OpenAI from "openai";
import { type DialectStage, startDialectStage } from "../support/dialect-stage.ts";
import { readError } from "./client.ts";

const model = "text-embedding-v4";
const inputs = Array.from({ length: 25 }, (_, index) => `Sentence number ${index}`);

const start = (environment: Record<string, string> = {}) => startDialectStage({ dialect: "dashscope", environment });
const clientOf = ({ harness }: DialectStage) =>
  new OpenAI({ baseURL: `${harness.url}/v1`, apiKey: "none", maxRetries: 0 });
/** How many inputs each request to the server had. */
const sizes = ({ emulator }: DialectStage) =>
  emulator.requests
    .filter(({ on }) => on === "embeddings")
    .map(({ body }) => (body as { readonly input: readonly unknown[] }).input.length);

test.each(["float", "base64"] as const)(
  "25 inputs are three requests and one answer, as %s",
  async (encoding_format) => {
    await using stage = await start();
    const client = clientOf(stage);
    const settings = { model, dimensions: 64, encoding_format };
    const alone = await Promise.all(inputs.map((input) => client.embeddings.create({ ...settings, input })));
    const before = sizes(stage).length;
    const all = await client.embeddings.create({ ...settings, input: inputs });

    expect(all.data).toEqual(alone.map(({ data: [vector] }, index) => ({ ...vector!, index })));
    expect(all).toMatchObject({ object: "list", model });
    expect(all.usage.prompt_tokens).toBe(alone.reduce((sum, { usage }) => sum + usage.prompt_tokens, 0));
    expect(sizes(stage).slice(before)).toEqual([10, 10, 5]);
  },
);

test("the settings of the request stand in each batch", async () => {
  await using stage = await start();
  await clientOf(stage).embeddings.create({ model, input: inputs, dimensions: 128, user: "ann" });
  const bodies = stage.emulator.requests.filter(({ on }) => on === "embeddings").map(({ body }) => body);
  const settings = { model, dimensions: 128, user: "ann" };
  expect(bodies).toMatchObject([settings, settings, settings]);
});

test("ten inputs go out as they came, and so do the tokens of one input", async () => {
  await using stage = await start();
  const texts = JSON.stringify(inputs.slice(0, 10));
  const tokens = JSON.stringify(inputs.map((_, index) => index));
  for (const input of [texts, tokens]) {
    const body = `{ "input": ${input},  "model":"${model}" }`;
    expect((await stage.harness.post("/v1/embeddings", body)).status).toBe(200);
    expect(JSON.stringify(stage.emulator.requests.at(-1)?.body)).toBe(JSON.stringify(JSON.parse(body)));
  }
  expect(sizes(stage)).toEqual([10, 25]);
});

test("a batch that fails for the moment is asked for again, and those before it are not", async () => {
  await using stage = await start();
  stage.emulator.script(
    { on: "embeddings", times: 1, delayMs: 0 },
    { on: "embeddings", refuse: { name: "rate-limited", retryAfterSeconds: 0.01 } },
  );
  const all = await clientOf(stage).embeddings.create({ model, input: inputs, dimensions: 64 });

  expect(all.data.map(({ index }) => index)).toEqual(inputs.map((_, index) => index));
  expect(sizes(stage)).toEqual([10, 10, 10, 5]);
});

test("a batch that fails is asked for no more often than RETRY_MAX_ATTEMPTS says", async () => {
  await using stage = await start({ RETRY_MAX_ATTEMPTS: "1" });
  stage.emulator.script(
    { on: "embeddings", times: 1, delayMs: 0 },
    { on: "embeddings", times: "always", refuse: "internal-error" },
  );
  const { status } = await readError(await stage.harness.post("/v1/embeddings", { model, input: inputs }));

  expect(status).toBe(502);
  expect(sizes(stage)).toEqual([10, 10]);
});

test("a batch that is refused is the answer's refusal", async () => {
  await using stage = await start();
  stage.emulator.script({ on: "embeddings", times: 1, delayMs: 0 }, { on: "embeddings", refuse: "content-filter" });
  const { status, error } = await readError(await stage.harness.post("/v1/embeddings", { model, input: inputs }));

  expect([status, error.code]).toEqual([400, "content_filter"]);
  expect(sizes(stage)).toEqual([10, 10]);
});

test("more than 2048 inputs are refused, and nobody is asked", async () => {
  await using stage = await start();
  const input = Array.from({ length: 2049 }, () => "a");
  const { status, error } = await readError(await stage.harness.post("/v1/embeddings", { model, input }));

  expect([status, error.param]).toEqual([400, "input"]);
  expect(error.message).toContain("at most 2048");
  expect(sizes(stage)).toEqual([]);
});

test("inputs that are nested too deep to be written again are refused, and nobody is asked", async () => {
  await using stage = await start();
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  const body = `{"model":"${model}","input":[${inputs.map(() => deep).join(",")}]}`;
  const { status, error } = await readError(await stage.harness.post("/v1/embeddings", body));

  expect([status, error.code]).toEqual([400, "invalid_request"]);
  expect(error.message).toContain("nested deeper than 1000");
  expect(sizes(stage)).toEqual([]);
});
