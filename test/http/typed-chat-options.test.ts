// What a message of the typed chat may choose about its answer, as the server behind the gateway is asked for it.

import { expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { say } from "./typed-client.ts";

const chunk = (more: object): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [], ...more })}\n\n`;
const choice = (delta: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const usage = { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 };
const reply = [choice({ role: "assistant", content: "Hello" }), choice({}, "length"), { usage }].map(chunk).join("");
const models = { "/v1/models": { body: '{"object":"list","data":[{"id":"local","object":"model"}]}' } };

async function ask(options: object | undefined) {
  await using server = serveCompatible([{ body: `${reply}data: [DONE]\n\n` }], models);
  await using harness = await startHarness({
    environment: {
      UPSTREAMS: JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url }]),
      CHAT_STEPS: "generation",
    },
  });
  const answer = await say(harness, { message: "Hello", model: "local", ...(options && { options }) });
  return { body: server.completions[0]?.body ?? {}, answer };
}

test("its options reach the server", async () => {
  const { body } = await ask({ temperature: 0, max_tokens: 77, reasoning: false });

  expect(body).toMatchObject({ temperature: 0, max_tokens: 77, chat_template_kwargs: { enable_thinking: false } });
  expect((await ask({ reasoning: true })).body).toMatchObject({ chat_template_kwargs: { enable_thinking: true } });
});

test("what it does not choose is the server's to choose", async () => {
  for (const options of [undefined, {}, { temperature: null, max_tokens: null, reasoning: null }]) {
    const names = Object.keys((await ask(options)).body);

    expect(names).not.toContain("temperature");
    expect(names.filter((name) => /max_|template/.test(name))).toEqual([]);
  }
});

test("the server is asked for its figures, and they are told [R3-023]", async () => {
  const { body, answer } = await ask(undefined);

  expect(body["stream_options"]).toMatchObject({ include_usage: true });
  expect(answer.closing).toMatchObject({ ...usage, model: "local", upstream: "home", finish_reason: "length" });
});
