// Several upstreams behind one gateway: who is asked, who takes over, and what the client is told of it.

import { expect, test } from "bun:test";
import { type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { chunk, failing, modelsRoute, saying, startThree } from "../support/several-upstreams.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { allTurns, assistant, lastTurn, readError, readStream, untilAnswer, user } from "./client.ts";

const inStream: Play = {
  body: `${chunk({ role: "assistant", content: "" })}data: {"error":{"message":"engine died","code":500}}\n\n`,
};
const hello = { stream: true, messages: [user("Hello")] };

test("a model goes to the upstream that offers it, and the answer says who it was", async () => {
  await using three = await startThree([saying("one here")], [saying("two here")]);

  const answer = await three.harness.chat({ ...hello, model: "only-two" });

  expect([answer.headers.get("x-upstream"), answer.headers.get("x-model"), answer.headers.get("x-attempts")]).toEqual([
    "two",
    "only-two",
    "1",
  ]);
  expect(parseChatStream(await answer.text()).text).toBe("two here");
  expect(three.two.completions[0]?.headers.get("authorization")).toBe("Bearer sk-two");
  expect(three.one.completions).toHaveLength(0);
});

test("the web backend keeps the default, and its conversation, beside others", async () => {
  await using three = await startThree([saying("one here")], [saying("two here")]);
  const first = await readStream(await three.harness.chat(hello));
  const { chatId } = lastTurn(three.harness);

  await readStream(
    await three.harness.chat({ ...hello, messages: [user("Hello"), assistant(first.text), user("And?")] }),
  );

  expect(lastTurn(three.harness)).toMatchObject({ chatId, content: "And?" });
  expect(three.one.completions).toHaveLength(0);
});

test.each([
  ["a refusal", failing],
  ["an error within the stream, before the first word", inStream],
])("%s moves the request to the next upstream that offers the model [R0-059]", async (_, play) => {
  await using three = await startThree([play], [saying("two here")]);

  const answer = await three.harness.chat({ ...hello, model: "local" });

  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-upstream")).toBe("two");
  expect(answer.headers.get("x-attempts")).toBe("2");
  expect(parseChatStream(await answer.text()).text).toBe("two here");
});

const refusing = (status: number, message: string, headers: Record<string, string> = {}): Play => ({
  status,
  headers,
  body: JSON.stringify({ error: { message, type: "invalid_request_error" } }),
});
const wrongKey = refusing(401, "Incorrect API key provided");
const noModel = refusing(404, "The model `local` does not exist");

test.each([
  ["a wrong key", wrongKey],
  ["a model that it does not have", noModel],
])("a failure in passing is repeated, though another upstream fails for good: %s [R0-059]", async (_, play) => {
  await using three = await startThree([failing, saying("one here")], [play], { RETRY_BASE_DELAY_MS: "1" });

  const answer = await three.harness.chat({ ...hello, model: "local" });

  expect([answer.status, answer.headers.get("x-upstream"), answer.headers.get("x-attempts")]).toEqual([
    200,
    "one",
    "3",
  ]);
  expect(parseChatStream(await answer.text()).text).toBe("one here");
});

test("of several upstreams that failed the one is told that a client may ask again", async () => {
  const limited = refusing(429, "Rate limit reached", { "retry-after": "3600" });
  await using three = await startThree([limited], [noModel]);

  const answer = await three.harness.chat({ ...hello, model: "local" });

  expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "60"]);
  expect((await readError(answer)).error.code).toBe("upstream_quota");
  const line = three.harness.logLines.find((one) => one.includes("exchange failed"));
  expect(JSON.parse(line!)).toMatchObject({ upstream: "one", kind: "upstream-quota", attempts: 2 });
});

test("the log names no account of an upstream that another one was asked instead of", async () => {
  await using three = await startThree([failing], [inStream], {
    MODEL_ROUTES: '{"back":["two/local","one/local"]}',
    RETRY_MAX_ATTEMPTS: "1",
  });

  await readError(await three.harness.chat({ ...hello, model: "back" }));

  const line = three.harness.logLines.find((one) => one.includes("exchange failed"));
  expect(JSON.parse(line!)).toMatchObject({ upstream: "one", attempts: 2 });
  expect(JSON.parse(line!)).not.toHaveProperty("account");
});

test("of several upstreams that may recover the one that will first is waited for", async () => {
  const limited = refusing(429, "Rate limit reached", { "retry-after": "3600" });
  await using three = await startThree([failing, saying("one here")], [limited], { RETRY_BASE_DELAY_MS: "1" });

  const told = await readStream(await three.harness.chat({ ...hello, model: "local" }));

  expect(told.text).toBe("one here");
});

test("nothing moves after the first word: one error frame, and nobody else is asked", async () => {
  const broken: Play = {
    body: `${chunk({ content: "half" })}data: {"error":{"message":"engine died","code":500}}\n\n`,
  };
  await using three = await startThree([broken], [saying("two here")]);

  const told = await readStream(await three.harness.chat({ ...hello, model: "local" }));

  expect(told.text).toBe("half");
  expect(told.error).toMatchObject({ code: "upstream_failed" });
  expect(three.two.completions).toHaveLength(0);
});

test("an upstream that fails again and again is passed over, until its time is over", async () => {
  await using three = await startThree([failing], [saying("two here")], { BREAKER_OPEN_MS: "60000" });
  for (let count = 0; count < 5; count++) await readStream(await three.harness.chat({ ...hello, model: "local" }));
  const asked = three.one.completions.length;

  await readStream(await three.harness.chat({ ...hello, model: "local" }));

  expect(three.one.completions).toHaveLength(asked);
});

test("a pinned upstream alone is asked, and an unknown one is refused by name", async () => {
  await using three = await startThree([saying("one here")], [saying("two here")]);
  const pin = (name: string) => ({ headers: { "x-upstream": name } });

  const told = await readStream(await three.harness.chat({ ...hello, model: "local" }, pin("two")));
  const refused = await readError(await three.harness.chat(hello, pin("three")));

  expect(told.text).toBe("two here");
  expect(refused).toMatchObject({ status: 400, error: { param: "X-Upstream" } });
});

test("routes send what an agent asks for elsewhere, and the answer carries the name that it asked for", async () => {
  await using three = await startThree([saying("one here")], [saying("two here")], {
    MODEL_ROUTES: '{"claude-*":["one/local","qwen3-max"]}',
  });

  const told = await readStream(await three.harness.chat({ ...hello, model: "claude-sonnet-4-5" }));

  expect(told.text).toBe("one here");
  expect(told.chunks.every((one) => one["model"] === "claude-sonnet-4-5")).toBe(true);
  expect(three.one.completions[0]?.body?.["model"]).toBe("local");
});

test("the list of models is everybody's, and lacks only what is down", async () => {
  await using three = await startThree([failing], [failing]);
  const ids = async () => {
    const { data } = (await (await three.harness.get("/v1/models")).json()) as { data: { id: string }[] };
    return data.map(({ id }) => id);
  };

  expect(await ids()).toEqual(expect.arrayContaining(["qwen3-max", "local", "only-one", "only-two"]));
});

test("a model that a server has got since it told its list is found there once it was asked for", async () => {
  const routes = {
    "/v1/models": [modelsRoute("local")["/v1/models"], modelsRoute("local", "pulled")["/v1/models"]],
  };
  await using three = await startThree([saying("one here")], [saying("two here")], {}, { otherRoutes: routes });
  three.harness.emulator.script({ refuse: "model-not-found", times: "always" });
  await readStream(await three.harness.chat({ ...hello, model: "local" }));

  const refused = await three.harness.chat({ ...hello, model: "pulled" });
  const found = await untilAnswer(
    () => three.harness.chat({ ...hello, model: "pulled" }),
    ({ status }) => status === 200,
  );

  expect(refused.status).toBe(404);
  expect(found.headers.get("x-upstream")).toBe("two");
});

test("a list whose first model is gone is read again once that was refused", async () => {
  const gone: Play = { status: 404, body: '{"error":{"message":"model \'old\' not found, try pulling it first"}}' };
  const lists = [modelsRoute("old")["/v1/models"], modelsRoute("new")["/v1/models"]];
  await using server = serveCompatible([gone, saying("here")], { "/v1/models": lists });
  await using harness = await startHarness({
    environment: {
      UPSTREAM_BASE_URL: server.url,
      UPSTREAM_DIALECT: "vllm",
      QWEN_TOKEN: "",
      QWEN_BASE_URL: "https://chat.qwen.ai",
    },
  });

  const refused = await harness.chat(hello);
  const served = await untilAnswer(
    () => harness.chat(hello),
    (answer) => answer.headers.get("x-model") === "new",
  );

  expect([refused.status, served.status]).toEqual([404, 200]);
});

test("a conversation that another upstream answered in between goes on where it is", async () => {
  await using three = await startThree([saying("one here")], [saying("two here")]);
  const first = await readStream(await three.harness.chat(hello));
  const talk = [user("Hello"), assistant(first.text), user("Aside?")];
  const aside = await readStream(await three.harness.chat({ stream: true, model: "only-one", messages: talk }));
  const turns = allTurns(three.harness).length;

  await readStream(
    await three.harness.chat({ stream: true, messages: [...talk, assistant(aside.text), user("Back?")] }),
  );

  expect(allTurns(three.harness)).toHaveLength(turns + 1);
  expect(lastTurn(three.harness).content).toContain("Back?");
  expect(lastTurn(three.harness).content).toContain("Aside?");
});

test("a server of one's own is all that is needed: no account, no demonstration", async () => {
  await using server = serveCompatible([saying("at home")], modelsRoute("qwen3:8b"));
  await using harness = await startHarness({
    environment: { UPSTREAM_BASE_URL: server.url, QWEN_TOKEN: "", QWEN_BASE_URL: "https://chat.qwen.ai" },
  });

  const answer = await harness.chat(hello);

  expect(answer.headers.get("x-model")).toBe("qwen3:8b");
  expect(parseChatStream(await answer.text()).text).toBe("at home");
  expect(server.completions[0]?.body?.["model"]).toBe("qwen3:8b");
});

test("headers of one's own go before the gateway's, however they are written, and with every question", async () => {
  await using server = serveCompatible([saying("at home")], modelsRoute("qwen3:8b"));
  const headers = { Authorization: "Basic YTpi", "USER-AGENT": "mine/1" };
  const upstreams = [{ name: "home", base_url: server.url, api_keys: ["sk-home"], headers }];
  await using harness = await startHarness({ environment: { UPSTREAMS: JSON.stringify(upstreams) } });

  const told = await readStream(await harness.chat({ ...hello, model: "home/qwen3:8b" }));

  expect(told.text).toBe("at home");
  expect(new Set(server.requests.map(({ headers: sent }) => sent.get("authorization")))).toEqual(
    new Set(["Basic YTpi"]),
  );
  expect(server.completions[0]?.headers.get("user-agent")).toBe("mine/1");
});

test("a key for a server that nobody has named is told of by the log, without it", async () => {
  const settings = { UPSTREAM_API_KEY: "sk-secret-of-mine", UPSTREAM_MODELS: "qwen3" };
  await using harness = await startHarness({ environment: settings });

  const log = harness.logLines.join("\n");
  expect(log).toContain("Ignored without UPSTREAM_BASE_URL: UPSTREAM_API_KEY, UPSTREAM_MODELS");
  expect(log).not.toContain("sk-secret-of-mine");
});

test("a plan or a region of a key that is missing is told of by the log", async () => {
  await using harness = await startHarness({ environment: { DASHSCOPE_PLAN: "coding", DASHSCOPE_REGION: "cn" } });
  await using keyed = await startHarness({ environment: { DASHSCOPE_PLAN: "coding", DASHSCOPE_API_KEY: "sk-sp-a" } });

  expect(harness.logLines.join("\n")).toContain("Ignored without a key of DashScope: DASHSCOPE_REGION, DASHSCOPE_PLAN");
  expect(keyed.logLines.join("\n")).not.toContain("Ignored without");
});
