// POST /v1/responses/input_tokens: what a request would cost is told without asking anybody.

import { describe, expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { allTurns, bodyOf, readError } from "./client.ts";
import { respond, user, weather } from "./responses-client.ts";

async function count(harness: Harness, body: object): Promise<number> {
  const told: unknown = JSON.parse(await bodyOf(await harness.post("/v1/responses/input_tokens", body)));
  expect(told).toEqual({ object: "response.input_tokens", input_tokens: expect.any(Number) });
  // The shape is asserted above.
  return (told as { input_tokens: number }).input_tokens;
}

const words = "The quick brown fox jumps over the lazy dog. ".repeat(20);

describe("input_tokens", () => {
  test("grows with input, instructions, tools and pictures, and asks nobody", async () => {
    await using harness = await startHarness();
    const short = await count(harness, { model: "qwen3-max", input: "Hi" });
    const image = { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" };

    expect(short).toBeGreaterThan(0);
    for (const more of [
      { input: words },
      { input: "Hi", instructions: words },
      { input: "Hi", tools: [weather] },
      { input: [user("Hi"), { role: "user", content: [image] }] },
    ]) {
      expect(await count(harness, more)).toBeGreaterThan(short + 10);
    }
    expect(allTurns(harness)).toEqual([]);
  });

  test("is what an equal message of another protocol counts", async () => {
    await using harness = await startHarness();
    const message = { role: "user", content: words };
    const told = await bodyOf(await harness.post("/v1/messages/count_tokens", { messages: [message] }));

    expect(JSON.parse(told)).toEqual({ input_tokens: await count(harness, { input: words }) });
  });

  test("counts what need not be asked: an answer, instructions, nothing", async () => {
    await using harness = await startHarness();
    const answer = { type: "message", role: "assistant", content: [{ type: "output_text", text: words }] };

    expect(await count(harness, { input: [answer] })).toBeGreaterThan(100);
    expect(await count(harness, { instructions: words, input: null })).toBeGreaterThan(100);
    expect(await count(harness, { model: null })).toBe(0);
  });

  test("counts what a request goes on from", async () => {
    await using harness = await startHarness();
    const { id } = await respond(harness, { input: words });
    const conversation = JSON.parse(
      await bodyOf(await harness.post("/v1/conversations", { items: [user(words)] })),
    ) as { id: string };
    const alone = await count(harness, { input: "Hi" });

    expect(await count(harness, { input: "Hi", previous_response_id: id })).toBeGreaterThan(alone + 100);
    expect(await count(harness, { input: "Hi", conversation: conversation.id })).toBeGreaterThan(alone + 100);
    const error = await readError(
      await harness.post("/v1/responses/input_tokens", { input: "Hi", previous_response_id: "resp_0" }),
    );
    expect([error.status, error.error["param"]]).toEqual([404, "previous_response_id"]);
  });

  test("names the field that is wrong", async () => {
    await using harness = await startHarness();
    const error = await readError(await harness.post("/v1/responses/input_tokens", { input: [{ role: "robot" }] }));

    expect([error.status, error.error["param"]]).toEqual([400, "input[0].role"]);
  });
});
