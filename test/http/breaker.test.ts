// A candidate that fails again and again is passed over, and tried by one request when its time is over: whatever becomes
// of that request, and however many others come meanwhile.

import { expect, test } from "bun:test";
import type { Play } from "../support/fake-compatible-server.ts";
import type { Harness } from "../support/harness.ts";
import { failing, saying, startThree } from "../support/several-upstreams.ts";
import { openReplies, readError, readStream, untilAnswer, untilIdle, user } from "./client.ts";

const openMs = 60_000;
const hello = { stream: true, model: "local", messages: [user("Hello")] };
const silent: Play = { body: "", after: "silent" };
const refusing: Play = {
  status: 400,
  body: '{"error":{"message":"This model\'s maximum context length is 10 tokens. Your prompt has 20.","type":"BadRequestError"}}',
};
const failures: readonly Play[] = [failing, failing, failing, failing, failing];

/** The first server has failed so often that it is passed over; what it plays from then on is `plays`. */
async function startOpen(plays: readonly Play[], environment: Readonly<Record<string, string>> = {}) {
  let aheadMs = 0;
  const three = await startThree(
    [...failures, ...plays],
    [saying("two here")],
    { BREAKER_OPEN_MS: String(openMs), RETRY_MAX_ATTEMPTS: "1", ...environment },
    { clock: () => Date.now() + aheadMs },
  );
  for (let count = 0; count < failures.length; count++) await say(three.harness);
  return {
    ...three,
    /** How often the first one was asked since. */
    trials: () => three.one.completions.length - failures.length,
    pass(ms: number) {
      aheadMs += ms;
    },
  };
}

const say = async (harness: Harness): Promise<string> => (await readStream(await harness.chat(hello))).text;

async function untilAsked(harness: Harness, asked: () => boolean): Promise<void> {
  await untilAnswer(() => openReplies(harness), asked);
}

/** `answers` are those that have come; the rest is left by `leave`. */
function askAtOnce(harness: Harness, count: number, body: object) {
  const client = new AbortController();
  const answers: Response[] = [];
  const asked = Array.from({ length: count }, () =>
    harness.chat(body, { signal: client.signal }).then((answer) => answers.push(answer)),
  );
  return {
    answers,
    async leave() {
      client.abort();
      await Promise.allSettled(asked);
    },
  };
}

test("a client that hangs up while it tries a candidate leaves the trial to the next request", async () => {
  await using stage = await startOpen([silent, saying("one here")]);
  stage.pass(openMs);
  const client = new AbortController();
  const left = stage.harness.chat(hello, { signal: client.signal }).catch((error: unknown) => error);
  await untilAsked(stage.harness, () => stage.trials() === 1);

  client.abort();

  await left;
  await untilIdle(stage.harness);
  expect(await say(stage.harness)).toBe("one here");
});

test("of several requests at once one tries a candidate, and the others are served elsewhere", async () => {
  await using stage = await startOpen([silent]);
  stage.pass(openMs);
  const { answers, leave } = askAtOnce(stage.harness, 5, hello);

  await untilAsked(stage.harness, () => answers.length === 4 && stage.trials() === 1);

  expect(answers.map((answer) => answer.headers.get("x-upstream"))).toEqual(["two", "two", "two", "two"]);
  await leave();
  expect(stage.trials()).toBe(1);
});

test("a candidate that is tried and says nothing holds up one request, however long it takes", async () => {
  await using stage = await startOpen([silent]);
  stage.pass(openMs);
  const client = new AbortController();
  const held = stage.harness.chat(hello, { signal: client.signal }).catch((error: unknown) => error);
  await untilAsked(stage.harness, () => stage.trials() === 1);

  stage.pass(openMs);

  expect(await say(stage.harness)).toBe("two here");
  expect(stage.trials()).toBe(1);
  client.abort();
  await held;
});

test("a trial that is refused for its own fault leaves it to the next request", async () => {
  await using stage = await startOpen([refusing, saying("one here")]);
  stage.pass(openMs);

  const refused = await readError(await stage.harness.chat(hello));

  expect(refused.status).toBe(400);
  expect(await say(stage.harness)).toBe("one here");
});

test("requests that come from another candidate that failed do not try one that somebody tries already", async () => {
  // All begin with the second server; it fails them, and the first of them moves on.
  let aheadMs = 0;
  await using three = await startThree(
    [...failures, silent],
    [...failures.map(() => saying("two here")), failing],
    { BREAKER_OPEN_MS: String(openMs), RETRY_MAX_ATTEMPTS: "1", MODEL_ROUTES: '{"back":["two/local","one/local"]}' },
    { clock: () => Date.now() + aheadMs },
  );
  for (let count = 0; count < failures.length; count++) await say(three.harness);
  aheadMs = openMs;
  const { answers, leave } = askAtOnce(three.harness, 3, { ...hello, model: "back" });
  const trials = () => three.one.completions.length - failures.length;

  await untilAsked(three.harness, () => answers.length === 2 && trials() === 1);

  expect(answers.map(({ status }) => status)).toEqual([502, 502]);
  await leave();
  expect(trials()).toBe(1);
});

test("nobody is passed over where the others cannot serve at all", async () => {
  const noModel: Play = { status: 404, body: '{"error":{"message":"The model `local` does not exist"}}' };
  const environment = { BREAKER_OPEN_MS: String(openMs), RETRY_MAX_ATTEMPTS: "1" };
  const routes = { "/v1/embeddings": [...failures, { body: '{"object":"list","data":[]}' }] };
  const otherRoutes = { "/v1/embeddings": noModel };
  await using three = await startThree([...failures, saying("one here")], [noModel], environment, {
    routes,
    otherRoutes,
  });
  const embed = () => three.harness.post("/v1/embeddings", { model: "local", input: "hello" });
  for (let count = 0; count < failures.length; count++) await Promise.all([three.harness.chat(hello), embed()]);

  expect(await say(three.harness)).toBe("one here");
  expect((await embed()).status).toBe(200);
});

test("an endpoint beside chat that says nothing is passed over in its turn", async () => {
  const embedding: Play = { body: '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}]}' };
  await using three = await startThree(
    [],
    [],
    { BREAKER_OPEN_MS: String(openMs), RETRY_MAX_ATTEMPTS: "1", FIRST_BYTE_TIMEOUT_MS: "40" },
    { routes: { "/v1/embeddings": silent }, otherRoutes: { "/v1/embeddings": embedding } },
  );
  const embed = () => three.harness.post("/v1/embeddings", { model: "local", input: "Hello" });
  for (let count = 0; count < 5; count++) expect((await embed()).status).toBe(504);

  const health = await (await three.harness.get("/health/detailed")).json();
  const answer = await embed();

  expect(health).toMatchObject({ upstreams: [{}, { name: "one", state: "failing", breaker: "open" }, {}] });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-upstream")).toBe("two");
});
