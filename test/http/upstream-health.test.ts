// What the gateway takes for the health of its upstreams, learned from the requests that pass.

import { expect, test } from "bun:test";
import type { ScriptEntry } from "../../src/emulator/openai-compatible-emulator.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import type { Harness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { readError, readStream, untilIdle, user } from "./client.ts";

const hello = { stream: true, messages: [user("Hello")] };

interface ToldUpstream {
  readonly name: string;
  readonly state: string;
  readonly lastFailure: { readonly kind: string } | null;
}

async function upstreamOf(harness: Harness): Promise<ToldUpstream | undefined> {
  const told = (await (await harness.get("/health/detailed")).json()) as { upstreams: ToldUpstream[] };
  return told.upstreams[0];
}

const headAlone: ScriptEntry = {
  reply: {
    faults: [
      { kind: "keep-alive", after: 0 },
      { kind: "stall", after: 0 },
    ],
  },
};

test.each<[string, ScriptEntry]>([
  ["says nothing", { refuse: "silence" }],
  ["sends a head and a comment, and then says nothing,", headAlone],
])("a server that accepts a request and %s is failing when its time is over", async (_, order) => {
  await using stage = await startDialectStage({
    dialect: "vllm",
    environment: { FIRST_BYTE_TIMEOUT_MS: "60", STALL_TIMEOUT_MS: "60", RETRY_MAX_ATTEMPTS: "1" },
  });
  stage.emulator.script(order);

  const answer = await readError(await stage.chat(hello));

  expect(answer.status).toBe(504);
  expect(await upstreamOf(stage.harness)).toMatchObject({
    state: "failing",
    lastFailure: { kind: "upstream-timeout" },
  });
  expect(await (await stage.harness.get("/health/ready")).json()).toEqual({
    status: "degraded",
    reasons: ["upstream-failing"],
  });
});

test("a server whose stream breaks off is failing, and answering again with the next reply", async () => {
  await using stage = await startDialectStage({ dialect: "vllm", environment: { RETRY_MAX_ATTEMPTS: "1" } });
  stage.emulator.script({ reply: { text: "one two three", faults: [{ kind: "drop", after: 2 }] } });
  await readStream(await stage.chat(hello));
  await untilIdle(stage.harness);
  const broken = await upstreamOf(stage.harness);

  await readStream(await stage.chat(hello));

  expect(broken).toMatchObject({ state: "failing", lastFailure: { kind: "upstream-failed" } });
  expect(await upstreamOf(stage.harness)).toMatchObject({ state: "answering" });
});

test.each<[string, ScriptEntry]>([
  ["before the head", { refuse: "silence" }],
  ["behind the head, before the first word,", headAlone],
])("a client that hangs up %s says nothing against the server", async (_, order) => {
  await using stage = await startDialectStage({ dialect: "vllm" });
  const { harness, emulator } = stage;
  await readStream(await stage.chat(hello));
  emulator.script(order);
  const client = new AbortController();
  const asked = stage.chat(hello, { signal: client.signal }).catch((error: unknown) => error);
  await emulator.until(() => stage.completions().length === 2);

  client.abort();

  await asked;
  await untilIdle(harness);
  expect(await upstreamOf(harness)).toMatchObject({ state: "answering", lastFailure: null });
});

test("a client that hangs up in the middle of its answer says nothing against the server", async () => {
  await using stage = await startDialectStage({ dialect: "vllm" });
  stage.emulator.script({ gate: "held", reply: { chunks: ["one ", "two"] } });
  stage.emulator.release("held", 2);
  const live = readLive(await stage.chat(hello));
  await live.nextText();

  await live.cancel();

  await untilIdle(stage.harness);
  expect(await upstreamOf(stage.harness)).toMatchObject({ state: "answering", lastFailure: null });
});
