// The history of the compiled executable: kept behind answers, over kill -9, within its budget on the disk.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ask, createTalker, type Stage, startStage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

interface Told {
  readonly id: string;
  readonly content: string;
  readonly request: { readonly messages: readonly { readonly text: string }[] } | null;
  readonly reply: { readonly text: string } | null;
  readonly [field: string]: unknown;
}

const dataOf = (stage: Stage): string => join(stage.place.folder, "data-here");

async function startKept(environment: Readonly<Record<string, string>>): Promise<Stage> {
  return startStage({ environment: { DATA_DIR: "data-here", ...environment } });
}

async function list(stage: Stage, query = ""): Promise<readonly Told[]> {
  const response = await stage.get(`/v1/history${query}`);
  return ((await response.json()) as { data: readonly Told[] }).data;
}

async function exported(stage: Stage): Promise<readonly Told[]> {
  const text = await (await stage.get("/v1/history/export")).text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Told);
}

/** On the disk, its log included. */
function historyBytes(stage: Stage): number {
  return readdirSync(dataOf(stage))
    .filter((name) => name.startsWith("history.db"))
    .reduce((sum, name) => sum + (statSync(join(dataOf(stage), name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

test("off by default: no file appears, and the route says so", async () => {
  await using stage = await startKept({});
  await createTalker(stage, { stream: true }).say("Hello");

  expect(await (await stage.get("/v1/history")).json()).toMatchObject({ kept: "off", data: [] });
  expect(readdirSync(dataOf(stage)).filter((name) => name.startsWith("history"))).toEqual([]);
});

test("what was told before kill -9 is there afterwards, found by words of two Chinese characters, and goes on", async () => {
  await using stage = await startKept({ HISTORY: "content" });
  await createTalker(stage, { stream: true }).say("今天天气怎么样");
  await createTalker(stage, { stream: false }).say("My dog is called Rex");
  const before = await list(stage);
  await stage.crashAndRestart();
  const after = await list(stage);
  await createTalker(stage, { stream: true }).say("And a cat");

  expect(before).toHaveLength(2);
  expect(after).toEqual(before);
  expect(await list(stage, `?q=${encodeURIComponent("天气")}`)).toEqual([after[1]!]);
  expect((await exported(stage)).map(({ request }) => request?.messages.at(-1)?.text)).toEqual([
    "今天天气怎么样",
    "My dog is called Rex",
    "And a cat",
  ]);
  expect(statSync(join(dataOf(stage), "history.db")).mode & 0o777).toBe(0o600);
});

test("killed at any moment while it writes, the file opens again and no exchange of it is half", async () => {
  await using stage = await startKept({ HISTORY: "content" });
  for (let round = 0; round < 4; round++) {
    const asked = Array.from({ length: 8 }, (_, index) =>
      ask(stage.client, [{ role: "user", content: `Round ${round} ${index}` }], { stream: true }),
    );
    await Promise.race(asked);
    const settled = Promise.allSettled(asked);
    await stage.crashAndRestart();
    await settled;
  }
  const all = await exported(stage);

  for (const { content, request, reply } of all) {
    expect(content).toBe("kept");
    expect(request?.messages).toHaveLength(1);
    expect(reply?.text).toBeString();
  }
});

test("the budget of the file holds on the disk: the oldest contents make room, exchanges stay known", async () => {
  const budget = 4 * 1024 * 1024;
  await using stage = await startKept({ HISTORY: "content", HISTORY_MAX_BYTES: String(budget) });
  let most = 0;
  for (let count = 0; count < 120; count++) {
    const content = `${count} ${"lorem ipsum dolor sit amet ".repeat(1800)}`;
    await ask(stage.client, [{ role: "user", content }], { stream: count % 2 === 0 });
    most = Math.max(most, historyBytes(stage));
  }
  const all = await exported(stage);
  const metrics = await (await stage.get("/metrics")).text();

  expect(most).toBeLessThanOrEqual(budget);
  expect(most).toBeGreaterThan(budget / 2);
  expect(all).toHaveLength(120);
  expect([all[0]!.content, all.at(-1)!.content]).toEqual(["dropped", "kept"]);
  expect(all[0]!.request).toBeNull();
  expect(metrics).toContain(`qwen_gateway_history_max_bytes ${budget}`);
  expect(metrics).toMatch(/qwen_gateway_history_dropped_total\{part="content"\} [1-9]/);
});

test("an orderly stop writes what has ended, and a restart with another setting keeps what was kept", async () => {
  await using stage = await startKept({ HISTORY: "metadata" });
  await ask(stage.client, [{ role: "user", content: "Hello" }], { stream: true });
  stage.gateway.kill("SIGTERM");
  expect(await stage.gateway.exited).toBe(0);
  await stage.crashAndRestart();

  expect(await list(stage)).toEqual([expect.objectContaining({ status: 200, content: "none" })]);
});
