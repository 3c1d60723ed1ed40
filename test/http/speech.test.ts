// What the chat page learns of speaking, and whether its document may use the microphone.

import { describe, expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";

const models = (...ids: string[]) => ({ body: JSON.stringify({ data: ids.map((id) => ({ id, object: "model" })) }) });

async function ask(environment: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
  await using harness = await startHarness({ environment });
  const page = await harness.get("/chat");
  const answer = await fetch(`${harness.url}/api/speech`, { headers });
  return {
    status: answer.status,
    body: (await answer.json()) as unknown,
    policy: /microphone=\((.*?)\)/.exec(page.headers.get("permissions-policy") ?? "")?.[1],
  };
}

describe("GET /api/speech", () => {
  test("knows no model where no upstream takes sounds, whatever the settings say", async () => {
    const none = { status: 200, body: { transcription: null }, policy: "" };

    expect(await ask({})).toEqual(none);
    expect(await ask({ TRANSCRIPTION_MODEL: "whisper-1" })).toEqual(none);
  });

  test.each([
    [["qwen3-30b", "whisper-large-v3"], "whisper-large-v3"],
    [["Qwen/Qwen3-ASR-1.7B"], "Qwen/Qwen3-ASR-1.7B"],
    [["gpt-4o-transcribe"], "gpt-4o-transcribe"],
    [["mistralai/Voxtral-Mini-3B"], "mistralai/Voxtral-Mini-3B"],
    [["qwen3-30b", "basra-7b", "astt"], undefined],
  ])("finds out of %p the model that hears: %p", async (ids, model) => {
    await using server = serveCompatible([{ body: "{}" }], { "/v1/models": models(...ids) });
    const upstreams = [{ name: "home", dialect: "vllm", base_url: server.url }];
    const { body, policy } = await ask({ UPSTREAMS: JSON.stringify(upstreams) });

    // Qwen's own is there as well: the name says which of the two is meant.
    expect(body).toEqual({ transcription: model === undefined ? null : { model: `home/${model}` } });
    expect(policy).toBe("self");
  });

  test("tells the model of the settings, to those who have a key", async () => {
    await using server = serveCompatible([{ body: "{}" }], { "/v1/models": models("whisper-1") });
    const settings = {
      UPSTREAM_BASE_URL: server.url,
      UPSTREAM_DIALECT: "generic",
      TRANSCRIPTION_MODEL: "ears",
      API_KEY: "k1",
    };

    expect((await ask(settings)).status).toBe(401);
    const { body } = await ask(settings, { authorization: "Bearer k1" });
    expect(body).toEqual({ transcription: { model: "ears" } });
  });

  test("knows none while the list of models cannot be had, and does not wait for it for long", async () => {
    await using server = serveCompatible([{ body: "{}" }], { "/v1/models": { status: 500, body: "" } });
    const { status, body } = await ask({ UPSTREAM_BASE_URL: server.url, UPSTREAM_DIALECT: "vllm" });

    expect([status, body]).toEqual([200, { transcription: null }]);
  });
});
