// API keys and limits with the compiled executable: made, used and taken back by commands beside a running gateway, and held
// to by two gateways on one data directory.

import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { AuthenticationError, RateLimitError } from "openai";
import { databasePath } from "../../src/store/sqlite/open-store.ts";
import { type BinaryResult, eventually, runBinary, startBinary } from "../support/binary.ts";
import { ask, createClient, startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const messages = [{ role: "user", content: "Say: fine" }] as const;
const body = { model: "qwen3-max", messages };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const command = (stage: Stage, ...words: string[]): Promise<BinaryResult> =>
  runBinary(["keys", ...words], {}, stage.place);

/** Its standard output, which is the key and nothing else. */
async function createKey(stage: Stage, ...words: string[]): Promise<string> {
  const { exitCode, output, errors } = await command(stage, "create", ...words);
  expect([exitCode, errors.split("\n").length]).toEqual([0, 2]);
  const [key = "", ...rest] = output.split("\n");
  expect([key.startsWith("qg-"), rest]).toEqual([true, [""]]);
  return key;
}

/** A second gateway on the same files. */
async function startSecond(stage: Stage, environment: Readonly<Record<string, string>>) {
  const settings = { PORT: "0", QWEN_TOKEN: "test-token", QWEN_BASE_URL: stage.emulator.url, ...environment };
  return startBinary([], { QWEN_AUTH_URL: stage.emulator.url, ...settings }, stage.place);
}

const send = (url: string, key: string, changes: object = {}): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(key) },
    body: JSON.stringify({ ...body, ...changes }),
  });

/** Of all keys and days, as the file has them. */
function countTokens(stage: Stage): { readonly tokens: number; readonly callers: number } {
  using database = new Database(databasePath(join(stage.place.home, ".local", "share", "qwen-gateway")), {
    readonly: true,
  });
  using statement = database.prepare<{ tokens: number; callers: number }, []>(
    "SELECT coalesce(sum(amount), 0) AS tokens, count(DISTINCT subject) AS callers FROM amounts " +
      "WHERE kind = 'tokens/day' AND amount > 0",
  );
  return statement.get() ?? { tokens: 0, callers: 0 };
}

/** Everything that was written in the user's home. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

test("a key is made, used, revoked while the gateway runs, and stays revoked after kill -9 [R2-081] [R2-084] [RC-008]", async () => {
  await using stage = await startStage({ environment: { API_KEY: "of-the-settings" } });
  const key = await createKey(stage, "ann");
  const other = await createKey(stage, "bob", "--expires-in", "30d", "--models", "qwen3*", "--rpm", "100");
  expect(await ask(createClient(stage.gateway.url, key), messages, { stream: true })).toBe("fine");
  expect(await ask(createClient(stage.gateway.url, other), messages, { stream: false })).toBe("fine");
  expect((await stage.get("/v1/sessions", bearer(key))).status).toBe(200);

  const listed = (await command(stage, "list")).output;
  expect(listed).toContain("ann");
  expect(listed).toMatch(/bob +active until 2\d\d\d-\d\d-\d\d \d\d:\d\d +models qwen3\* +100 requests\/min/);
  expect(listed).not.toContain(key.slice(12));
  expect((await command(stage, "revoke", "ann")).output).toBe(`Revoked key "ann" (${key.slice(0, 11)})\n`);
  const refused = ask(createClient(stage.gateway.url, key), messages, { stream: true });
  expect(await refused.catch((error: unknown) => error)).toBeInstanceOf(AuthenticationError);
  expect(await ask(createClient(stage.gateway.url, other), messages, { stream: false })).toBe("fine");

  await stage.crashAndRestart();
  expect((await send(stage.gateway.url, key)).status).toBe(401);
  expect((await send(stage.gateway.url, other)).status).toBe(200);
  expect((await command(stage, "remove", key.slice(0, 11))).exitCode).toBe(0);
  expect((await command(stage, "list")).output).not.toContain("ann");
  expect((await command(stage, "revoke", "ann")).exitCode).toBe(1);
  expect((await command(stage, "create", "x", "--rpm", "none")).exitCode).toBe(2);

  const files = filesBelow(stage.place.home);
  expect(files.length).toBeGreaterThan(0);
  for (const secret of [key, other].map((one) => one.slice(12))) {
    for (const path of files) expect([path, readFileSync(path).includes(secret)]).toEqual([path, false]);
    expect([...stage.gateway.output, ...stage.gateway.errors].join("\n")).not.toContain(secret);
  }
});

test("a gateway without keys wants one soon after the first was made, and is told to listen elsewhere with one", async () => {
  await using stage = await startStage();
  expect((await stage.post("/v1/chat/completions", body)).status).toBe(200);
  const key = await createKey(stage, "ann");
  await eventually(
    async () => ((await stage.post("/v1/chat/completions", body)).status === 401 ? true : undefined),
    () => "a request without a key is refused",
  );
  expect((await send(stage.gateway.url, key)).status).toBe(200);
  await using open = await startSecond(stage, { HOST: "0.0.0.0" });
  expect((await send(`http://127.0.0.1:${open.port}`, key)).status).toBe(200);
  expect((await send(`http://127.0.0.1:${open.port}`, "no")).status).toBe(401);
});

test("two gateways on one data directory let as many requests and replies through as one, and a restart forgets nothing [R2-080] [R2-085] [R0-065]", async () => {
  const environment = { API_KEY: "of-the-settings" };
  await using stage = await startStage({ environment });
  await using second = await startSecond(stage, environment);
  const key = await createKey(stage, "many", "--rpm", "30");
  const urls = [stage.gateway.url, second.url];
  // Within one minute, however late it is: the sum cannot be more than the limit, and of the next minute little counts.
  const startedAtMs = Date.now();
  const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => send(urls[index % 2]!, key)));
  const statuses = answers.map(({ status }) => status);
  const minutes = Math.floor(Date.now() / 60_000) - Math.floor(startedAtMs / 60_000);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(29);
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(30 + 30 * minutes);
  for (const answer of answers.filter(({ status }) => status === 429)) {
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(answer.headers.get("x-ratelimit-limit-requests")).toBe("30");
  }
  const error = await ask(createClient(stage.gateway.url, key), messages, { stream: false }).catch(
    (one: unknown) => one,
  );
  if (minutes === 0) expect(error).toBeInstanceOf(RateLimitError);

  const narrow = await createKey(stage, "narrow", "--streams", "1");
  await stage.emulator.script({ gate: "g", reply: { text: "one two three" } });
  await stage.emulator.release("g", 2);
  const open = await send(stage.gateway.url, narrow, { stream: true });
  expect(open.status).toBe(200);
  const refused = await send(second.url, narrow);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  // What a dead gateway held is free at once.
  await stage.crashAndRestart();
  await open.body?.cancel().catch(() => {});
  expect((await send(second.url, narrow)).status).toBe(200);

  const daily = await createKey(stage, "daily", "--daily-tokens", "1");
  expect((await send(stage.gateway.url, daily)).status).toBe(200);
  // What was counted in the last tenth of a second is lost by kill -9.
  await eventually(
    async () => (countTokens(stage).tokens > 0 ? true : undefined),
    () => "the tokens are written",
  );
  expect((await send(second.url, daily)).status).toBe(429);
  await stage.crashAndRestart();
  expect((await send(stage.gateway.url, daily)).status).toBe(429);
});

test("SIGHUP changes limits and keys for the next request, and what was counted goes on, also over kill -9 [R2-080]", async () => {
  await using stage = await startStage({ settings: { API_KEY: "first", LIMIT_TOKENS_PER_DAY: "1000000" } });
  const stored = await createKey(stage, "narrow", "--daily-tokens", "1");
  await stage.emulator.script({ gate: "g", reply: { text: "one two three" } });
  await stage.emulator.release("g", 2);
  const running = await send(stage.gateway.url, "first", { stream: true });
  expect(running.status).toBe(200);
  expect((await send(stage.gateway.url, stored)).status).toBe(200);

  await stage.reload({ API_KEY: "first,second", LIMIT_TOKENS_PER_DAY: "1000000", MAX_STREAMS_PER_KEY: "1" });
  const statuses = async (...keys: string[]): Promise<number[]> => {
    const answers: number[] = [];
    for (const key of keys) answers.push((await send(stage.gateway.url, key)).status);
    return answers;
  };
  expect(await statuses("first", "second", stored)).toEqual([429, 200, 429]);
  await stage.emulator.release("g", "all");
  expect(await running.text()).toContain("[DONE]");
  expect(await statuses("first")).toEqual([200]);

  const line = await stage.reload({ API_KEY: "second", LIMIT_TOKENS_PER_DAY: "1" });
  expect(JSON.parse(line)).toMatchObject({ changed: "API_KEY, MAX_STREAMS_PER_KEY, LIMIT_TOKENS_PER_DAY" });
  expect(await statuses("first", "second", stored)).toEqual([401, 429, 429]);
  // What was counted in the last tenth of a second is lost by kill -9.
  await eventually(
    async () => (countTokens(stage).callers === 3 ? true : undefined),
    () => "the tokens of all three callers are written",
  );
  await stage.crashAndRestart();
  expect(await statuses("first", "second", stored)).toEqual([401, 429, 429]);
  await stage.reload({ API_KEY: "second" });
  expect(await statuses("second", stored)).toEqual([200, 429]);
});
