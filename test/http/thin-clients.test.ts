// Clients that send only their newest message, on upstreams that remember nothing: the gateway remembers.

import { expect, test } from "bun:test";
import { type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { acceptedTurns, readError, readStream, user } from "./client.ts";

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const saying = (text: string): Play => ({
  body: `${chunk({ role: "assistant", content: "" })}${chunk({ content: text })}${chunk({}, "stop")}data: [DONE]\n\n`,
});
const failing: Play = { status: 500, body: '{"error":{"message":"no GPU"}}' };
const models = {
  "/v1/models": {
    body: JSON.stringify({ object: "list", data: [{ id: "local", object: "model", created: 1, owned_by: "vllm" }] }),
  },
};

async function start(...plays: Play[]) {
  const server = serveCompatible(plays, models);
  const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url }]);
  const harness = await startHarness({ environment: { UPSTREAMS: upstreams } });
  const say = (text: string, more: object = {}) =>
    harness.chat({ model: "local", stream: true, session_id: "s1", messages: [user(text)], ...more });
  /** What the server was told, as role and text. */
  const told = (at: number): string[] => {
    const messages = server.completions[at]?.body?.["messages"] as { role: string; content: string }[];
    return messages.map(({ role, content }) => `${role}: ${content}`);
  };
  return {
    server,
    harness,
    say,
    told,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("the server is told what the session has said before, also after a restart", async () => {
  await using thin = await start(saying("Hello Ada"), saying("Ada"), saying("Again Ada"));

  await readStream(await thin.say("I am Ada"));
  await readStream(await thin.say("Who am I?"));
  await thin.harness.restart();
  await readStream(await thin.say("And now?", { stream: false }).then(asStream));

  expect(thin.told(1)).toEqual(["user: I am Ada", "assistant: Hello Ada", "user: Who am I?"]);
  expect(thin.told(2)).toEqual([
    "user: I am Ada",
    "assistant: Hello Ada",
    "user: Who am I?",
    "assistant: Ada",
    "user: And now?",
  ]);
});

test("long messages are remembered as they were, in plain text and in parts, with what stands beside them", async () => {
  await using thin = await start(saying("Read"), saying("Read too"), saying("Both"));
  // Long enough to be left bytes when the request is parsed.
  const long = 'A "page"\n'.repeat(900);
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };

  await readStream(await thin.say(long));
  await readStream(
    await thin.say("", { messages: [{ role: "user", content: [{ type: "text", text: `${long}2` }, image] }] }),
  );
  await thin.harness.restart();
  await readStream(await thin.say("Which was longer?"));

  const messages = thin.server.completions[2]?.body?.["messages"];
  expect(messages).toEqual([
    { role: "user", content: long },
    { role: "assistant", content: "Read" },
    { role: "user", content: [{ type: "text", text: `${long}2` }, image] },
    { role: "assistant", content: "Read too" },
    { role: "user", content: "Which was longer?" },
  ]);
});

test("the session is listed, counts its answers, and is forgotten with all that it said", async () => {
  await using thin = await start(saying("one"), saying("two"), saying("three"));
  await readStream(await thin.say("a"));
  await readStream(await thin.say("b"));
  const session = (await (await thin.harness.get("/v1/sessions/s1")).json()) as { messageCount: number };
  await fetch(`${thin.harness.url}/v1/sessions/s1`, { method: "DELETE" });

  await readStream(await thin.say("c"));

  expect(session.messageCount).toBe(2);
  expect(thin.told(2)).toEqual(["user: c"]);
});

test("a turn that failed is not remembered", async () => {
  await using thin = await start(saying("one"), failing, failing, failing, saying("three"));
  await readStream(await thin.say("a"));
  await readError(await thin.say("lost"));

  await readStream(await thin.say("c"));

  expect(thin.told(4)).toEqual(["user: a", "assistant: one", "user: c"]);
});

test("turns of one session that come at once run one after the other", async () => {
  await using thin = await start(saying("one"), saying("two"), saying("three"));

  await Promise.all(["a", "b", "c"].map(async (text) => readStream(await thin.say(text))));

  expect(thin.told(2)).toHaveLength(5);
});

test("clients that send their history themselves leave nothing behind", async () => {
  await using thin = await start(saying("one"));
  await readStream(await thin.harness.chat({ model: "local", stream: true, messages: [user("secret words")] }));

  expect((await thin.harness.get("/v1/sessions")).json()).resolves.toMatchObject({ data: [] });
});

test("a session stays with the kind of upstream that has heard it", async () => {
  await using thin = await start(saying("one"));
  await readStream(await thin.say("a", { model: "qwen3-max" }));

  const refused = await readError(await thin.say("b"));

  expect(refused).toMatchObject({
    status: 400,
    error: { param: "model", message: expect.stringContaining("session") },
  });
  expect(acceptedTurns(thin.harness)).toHaveLength(1);
  expect(thin.server.completions).toHaveLength(0);
});

/** A whole answer read to its end, where a stream is read elsewhere. */
async function asStream(response: Response): Promise<Response> {
  expect(response.status).toBe(200);
  await response.text();
  return new Response("data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } });
}
