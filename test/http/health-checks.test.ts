// Active checks of servers of one's own, each dialect by its own question: what a request is spared, and what is told.

import { expect, test } from "bun:test";
import {
  type CompatibleDialectName,
  serveOpenAICompatibleEmulator,
} from "../../src/emulator/openai-compatible-emulator.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { parseMetrics, type Sample } from "../support/read-metrics.ts";
import { bodyOf, readError, readStream, untilAnswer, user } from "./client.ts";

const quick = { HEALTH_CHECK_INTERVAL_MS: "5", BREAKER_OPEN_MS: "60000", RETRY_MAX_ATTEMPTS: "1" };
const hello = { stream: true, model: "shared", messages: [user("Hello")] };
const loading = { status: 503, message: "Loading model" } as const;

interface ToldUpstream {
  readonly name: string;
  readonly state: string;
  readonly breaker: string;
  readonly lastFailure: { readonly kind: string } | null;
}

async function upstreamOf(harness: Harness, name: string): Promise<ToldUpstream> {
  const told = (await (await harness.get("/health/detailed")).json()) as { upstreams: ToldUpstream[] };
  const found = told.upstreams.find((upstream) => upstream.name === name);
  if (found === undefined) throw new Error(`no upstream "${name}"`);
  return found;
}

const untilState = (harness: Harness, name: string, state: string): Promise<ToldUpstream> =>
  untilAnswer(
    () => upstreamOf(harness, name),
    (told) => told.state === state,
  );

/** A server of one's own, asked first, and another one that serves the same model. */
async function startTwo(dialect: CompatibleDialectName, environment: Readonly<Record<string, string>> = {}) {
  const serve = (port = 0) =>
    serveOpenAICompatibleEmulator({
      hostname: "127.0.0.1",
      port,
      seed: 1,
      tokenDelayMs: 0,
      dialect,
      models: ["shared"],
    });
  let home = serve();
  const spare = serve();
  const port = Number(new URL(home.url).port);
  const upstreams = [
    { name: "home", dialect, base_url: `${home.url}/v1` },
    { name: "spare", dialect, base_url: `${spare.url}/v1` },
  ];
  const harness = await startHarness({
    environment: {
      ...quick,
      QWEN_TOKEN: "",
      QWEN_BASE_URL: "https://chat.qwen.ai",
      UPSTREAMS: JSON.stringify(upstreams),
      ...environment,
    },
  });
  const chat = async () => {
    const answer = await harness.chat(hello);
    await readStream(answer);
    return answer.headers.get("x-upstream");
  };
  return {
    harness,
    home: home.emulator,
    stopHome: () => home.stop(),
    startHome() {
      home = serve(port);
    },
    chat,
    completions: () => home.emulator.requests.filter(({ on }) => on === "completions").length,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await home.stop();
      await spare.stop();
    },
  };
}

test.each<[CompatibleDialectName, "info" | "models", string]>([
  ["vllm", "info", "/health"],
  ["llama-cpp", "info", "/health"],
  ["ollama", "info", "/api/version"],
  ["sglang", "models", "/v1/models"],
  ["lm-studio", "models", "/v1/models"],
  ["generic", "models", "/v1/models"],
])(
  "a %s that is gone is passed over before a request pays for it, and used again as soon as it is back",
  async (dialect, on, path) => {
    await using two = await startTwo(dialect);
    expect(await two.chat()).toBe("home");
    two.home.script({ on, refuse: "reset", times: "always" });
    const gone = await untilState(two.harness, "home", "failing");

    const meanwhile = await two.chat();

    expect(meanwhile).toBe("spare");
    expect(two.completions()).toBe(1);
    expect(gone).toMatchObject({ breaker: "open", lastFailure: { kind: "upstream-failed" } });
    expect(two.home.requests.at(-1)?.path).toBe(path);
    two.home.reset();
    expect(await untilState(two.harness, "home", "answering")).toMatchObject({ breaker: "closed" });
    expect(await two.chat()).toBe("home");
  },
);

test("a server that is stopped is given up, and served from again as soon as it is started", async () => {
  await using two = await startTwo("vllm");
  await two.chat();
  await two.stopHome();
  await untilState(two.harness, "home", "failing");
  expect(await two.chat()).toBe("spare");

  two.startHome();
  await untilState(two.harness, "home", "answering");

  expect(await two.chat()).toBe("home");
});

test("a llama.cpp that loads its model is not ready: others are asked, and the gateway is degraded", async () => {
  await using two = await startTwo("llama-cpp");
  await two.chat();
  two.home.script({ on: "info", refuse: { name: "loading", ...loading }, times: "always" });
  await untilState(two.harness, "home", "failing");

  expect(await two.chat()).toBe("spare");
  expect((await upstreamOf(two.harness, "home")).lastFailure).toMatchObject({ kind: "overloaded" });
  expect(await (await two.harness.get("/health/ready")).json()).toEqual({
    status: "degraded",
    reasons: ["upstream-failing"],
  });
});

test("a server that accepts checks and answers none is passed over as well", async () => {
  await using two = await startTwo("vllm", { HEALTH_CHECK_TIMEOUT_MS: "20" });
  await two.chat();
  two.home.script({ on: "info", refuse: "silence", times: "always" });

  const gone = await untilState(two.harness, "home", "failing");

  expect(gone.lastFailure).toMatchObject({ kind: "upstream-timeout" });
  expect(await two.chat()).toBe("spare");
});

test("each change is one line of the log, and a figure", async () => {
  await using two = await startTwo("vllm");
  const states = async () =>
    parseMetrics(await bodyOf(await two.harness.get("/metrics")))
      .filter(({ name, value, labels }: Sample) => /_state$/.test(name) && value === 1 && labels["upstream"] === "home")
      .map(({ name, labels }) => `${name} ${labels["state"]}`);
  await two.chat();
  two.home.script({ on: "info", refuse: "reset", times: "always" });
  await untilState(two.harness, "home", "failing");
  const checked = two.home.requests.length;
  await two.home.until((requests) => requests.length > checked + 5);
  const failing = await states();
  two.home.reset();
  await untilState(two.harness, "home", "answering");

  const lines = two.harness.logLines.filter((line) => line.includes("health check")).map((line) => JSON.parse(line));

  expect(lines).toMatchObject([
    { level: "warn", message: "A server fails its health check", upstream: "home", kind: "upstream-failed" },
    { level: "info", message: "A server passes its health check again", upstream: "home" },
  ]);
  expect(failing).toEqual(["qwen_gateway_upstream_state failing", "qwen_gateway_breaker_state open"]);
  expect(await states()).toEqual(["qwen_gateway_upstream_state answering", "qwen_gateway_breaker_state closed"]);
});

test("a server that stands alone is asked while it fails, and no longer", async () => {
  await using stage = await startDialectStage({ dialect: "vllm", environment: quick });
  const { harness, emulator } = stage;
  const checks = () => emulator.requests.filter(({ path }) => path === "/health").length;
  emulator.script({ refuse: "internal-error" }, { on: "info", refuse: "reset", times: 3 });
  const answer = await readError(await stage.chat({ stream: true, messages: [user("Hello")] }));
  expect(answer.status).toBe(502);

  await untilState(harness, "upstream", "answering");

  expect(checks()).toBe(4);
  expect(await (await harness.get("/health/ready")).json()).toEqual({ status: "ok" });
  await readStream(await stage.chat({ stream: true, messages: [user("Hello")] }));
  expect(checks()).toBe(4);
});

test.each<[string, CompatibleDialectName, Readonly<Record<string, string>>]>([
  ["a service of somebody else's is never asked", "dashscope", {}],
  ["with HEALTH_CHECK_INTERVAL_MS=0 nobody is asked", "vllm", { HEALTH_CHECK_INTERVAL_MS: "0" }],
])("%s", async (_, dialect, environment) => {
  await using stage = await startDialectStage({ dialect, environment: { ...quick, ...environment } });
  stage.emulator.script({ refuse: "internal-error" });
  await readError(await stage.chat({ stream: true, messages: [user("Hello")] }));
  await stage.harness.get("/v1/models");
  const { length } = stage.emulator.requests;
  await readStream(await stage.chat({ stream: true, messages: [user("Hello")] }));

  const later = stage.emulator.requests.slice(length);

  expect(later.map(({ on }) => on)).toEqual(["completions"]);
});

test("no check outlives the gateway", async () => {
  await using two = await startTwo("vllm");
  await two.chat();
  two.home.script({ on: "info", refuse: "silence", times: "always" });
  await two.home.until((requests) => requests.some(({ path }) => path === "/health"));

  await two.harness.restart({ HEALTH_CHECK_INTERVAL_MS: "0" });

  const open = two.home.requests.filter(({ path, endedAtMs }) => path === "/health" && endedAtMs === undefined);
  await two.home.until(() => open.every(({ endedAtMs }) => endedAtMs !== undefined));
  await two.harness.get("/v1/models");
  const { length } = two.home.requests;
  await two.chat();
  expect(two.home.requests.slice(length).map(({ on }) => on)).toEqual(["completions"]);
});
