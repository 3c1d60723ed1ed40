// Endpoints beside chat on the compiled executable, asked by the official client: a server of one's own, and pictures of
// the web backend.

import { expect, setDefaultTimeout, test } from "bun:test";
import OpenAI, { toFile } from "openai";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startStage } from "./stage.ts";

setDefaultTimeout(30_000);

test("embeddings, a form with a large file, a sound, a picture, and what nobody serves", async () => {
  const sound = crypto.getRandomValues(new Uint8Array(300_000));
  await using server = serveCompatible([], {
    "/v1/embeddings": {
      body: '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1]}],"model":"m","usage":{"prompt_tokens":2,"total_tokens":2}}',
    },
    "/v1/audio/transcriptions": { body: '{"text":"hello"}' },
    "/v1/audio/speech": { body: sound, contentType: "audio/mpeg" },
  });
  await using stage = await startStage({
    environment: { UPSTREAM_BASE_URL: server.url, UPSTREAM_DIALECT: "generic", LOG_FORMAT: "json" },
  });
  const { client } = stage;

  const vectors = await client.embeddings.create({ model: "m", input: "hello", encoding_format: "float" });
  const file = await toFile(new Uint8Array(8_000_000), "a.wav", { type: "audio/wav" });
  const heard = await client.audio.transcriptions.create({ model: "m", file });
  const spoken = await client.audio.speech.create({ model: "m", voice: "alloy", input: "hello" });
  const drawn = await client.images.generate({ prompt: "a cat" });
  const missing: unknown = await client
    .post("/rerank", { body: { query: "q", documents: ["a"] } })
    .catch((error: unknown) => error);

  expect(vectors.data[0]?.embedding).toEqual([0.5, 1]);
  expect(heard.text).toBe("hello");
  expect(server.requests.find(({ path }) => path.endsWith("/transcriptions"))?.bytes.length).toBeGreaterThan(8_000_000);
  expect(new Uint8Array(await spoken.arrayBuffer())).toEqual(sound);
  expect(drawn.data?.[0]?.url).toMatch(/^https:\/\/cdn\.example\.invalid\//);
  if (!(missing instanceof OpenAI.APIError)) throw new Error("nobody serves it, and yet it was answered");
  expect([missing.status, missing.code]).toEqual([501, "not_served"]);
  const line = await stage.gateway.line((text) => text.includes('"surface":"audio/transcriptions"'));
  expect(JSON.parse(line)).toMatchObject({ upstream: "upstream", outcome: "complete" });
});
