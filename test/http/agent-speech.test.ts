// Speech to text, as the agent's users want it: passed on to a server that does it, and told where there is none.

import { expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";

function recording(): FormData {
  const form = new FormData();
  form.set("model", "whisper-1");
  form.set("file", new File([new Uint8Array(100_000).fill(7)], "question.webm", { type: "audio/webm" }));
  return form;
}

test("POST /v1/audio/transcriptions is passed on, file and all, to the server that is configured [R4-063]", async () => {
  await using server = serveCompatible([], { "/v1/audio/transcriptions": { body: '{"text":"What is on today?"}' } });
  await using harness = await startHarness({
    environment: { UPSTREAM_BASE_URL: server.url, UPSTREAM_DIALECT: "generic" },
  });

  const answer = await fetch(`${harness.url}/v1/audio/transcriptions`, { method: "POST", body: recording() });

  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ text: "What is on today?" });
  const asked = server.requests.find(({ path }) => path === "/v1/audio/transcriptions")!;
  const received = await new Response(asked.bytes, { headers: asked.headers }).formData();
  expect([received.get("model"), (received.get("file") as File).size]).toEqual(["whisper-1", 100_000]);
});

test("POST /v1/audio/transcriptions is 501 where nothing serves it, and says what to configure [R4-063]", async () => {
  await using harness = await startHarness();

  const answer = await fetch(`${harness.url}/v1/audio/transcriptions`, { method: "POST", body: recording() });

  expect(answer.status).toBe(501);
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe("not_served");
  expect(error.message).toMatch(/UPSTREAM|upstream/);
  expect(harness.emulator.requests.filter(({ on }) => on !== "other" && on !== "models")).toEqual([]);
});
