// The examples do what they say, each as a program of its own in front of a gateway.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startDialectStage } from "../../support/dialect-stage.ts";
import { startHarness } from "../../support/harness.ts";
import { parseFrames } from "../../support/sse-frames.ts";
import { openChatExample } from "../client/chat-example-stage.ts";
import { startChatServer } from "../client/chat-server.ts";
import { readProjectFile, root } from "./source-files.ts";

// Far beyond what they need, for machines that are busy with something else.
setDefaultTimeout(30_000);

describe("the examples", () => {
  async function run(name: string, environment: Readonly<Record<string, string>>): Promise<string> {
    const { exitCode, output, errors } = await outcomeOf(name, environment);
    expect([exitCode, errors]).toEqual([0, ""]);
    return output;
  }

  async function outcomeOf(name: string, environment: Readonly<Record<string, string>>) {
    const child = Bun.spawn([process.execPath, join(root, "examples", name)], {
      cwd: root,
      env: { PATH: process.env["PATH"] ?? "", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { exitCode, output, errors };
  }

  test("all of them are tried here", () => {
    expect(listExamples()).toEqual([
      "ai-sdk.ts",
      "anthropic.ts",
      "embed.ts",
      "fetch-stream.ts",
      "langchain.ts",
      "langgraph.ts",
      "llamaindex.ts",
      "openai-agents.ts",
      "openai-chat.ts",
      "openai-responses.ts",
      "openai-stream.ts",
      "python/anthropic_stream.py",
      "python/openai_stream.py",
      "python/stream.py",
      "react/chat.tsx",
      "sessions.ts",
      "typed-chat-pipeline.ts",
      "typed-chat.ts",
    ]);
  });

  test("each has its line in examples/README.md, and says how it is run", () => {
    const readme = readProjectFile("examples/README.md");
    for (const name of listExamples()) {
      expect(readme).toContain(`[${name}](${name})`);
      expect(readProjectFile(`examples/${name}`)).toStartWith(name.endsWith(".py") ? "# " : "// ");
    }
  });

  test("openai-stream.ts streams an answer whole [R2-077]", async () => {
    await using harness = await startHarness();

    const output = await run("openai-stream.ts", { GATEWAY_URL: `${harness.url}/v1` });

    expect(output).toStartWith(Array.from({ length: 20 }, (_, index) => index + 1).join(" "));
    expect(output).toMatch(/\n\d+ tokens\n$/);
  });

  test("typed-chat.ts shows what is done, the answer, and what comes with it", async () => {
    const events = [
      { metadata: { stream_id: "stream-1" } },
      { stage: "retrieval" },
      { sources: [{ document_name: "Contract" }] },
      { stage: "generation" },
      { token: "One " },
      { token: "month." },
      { quality_score: 0.9 },
      { follow_up_questions: ["From when?"] },
    ];
    await using server = await startChatServer(events);

    const output = await run("typed-chat.ts", { GATEWAY_ORIGIN: new URL(server.url).origin });

    expect(output.split("\n")).toEqual([
      "[retrieval]",
      "[sources: Contract]",
      "[generation]",
      "One month.",
      "[quality 0.9]",
      "[next: From when?]",
      "",
    ]);
  });

  test("openai-chat.ts is remembered in its second turn [R2-077]", async () => {
    await using harness = await startHarness();

    const output = await run("openai-chat.ts", { GATEWAY_URL: `${harness.url}/v1` });

    expect(output.split("> What is my favourite colour?")[1]).toContain("teal");
    expect(harness.emulator.requests.filter(({ on }) => on === "chats/new")).toHaveLength(1);
  });

  test("sessions.ts sends its newest message alone, and is remembered [R2-077]", async () => {
    await using harness = await startHarness();

    const output = await run("sessions.ts", { GATEWAY_URL: `${harness.url}/v1` });

    expect(output.split("> What is my dog called?")[1]).toContain("Bruno");
    expect(output).toMatch(/Session example-\S+: 2 answers, the next turn continues [0-9a-f-]{36}\n$/);
  });

  test("typed-chat-pipeline.ts answers out of its own passages [R3-026]", async () => {
    const output = await run("typed-chat-pipeline.ts", { LOG_LEVEL: "silent" });

    const frames = parseFrames(output).map(({ data }) => data);
    expect(frames[1]).toBe('{"stage":"retrieval"}');
    expect(frames[2]).toContain('{"sources":[{"chunk_id":"h1","document_name":"handbook.md"');
    expect(frames[3]).toBe('{"stage":"generation"}');
    expect(output.match(/(?<="token":")[^"]*/g)?.join("")).toStartWith("The notice period is two months. [1]");
    expect(frames.at(-3)).toMatch(/^\{"quality_score":0\.\d+\}$/);
    expect(frames.at(-1)).toBe("[DONE]");
  });

  test("langgraph.ts tells a graph as typed events [R3-026]", async () => {
    const output = await run("langgraph.ts", {});

    const frames = parseFrames(output).map(({ data }) => data);
    expect(frames.filter((data) => data.startsWith('{"stage"'))).toEqual(
      ["query_analysis", "retrieval", "generation", "quality"].map((stage) => JSON.stringify({ stage })),
    );
    expect(output.match(/(?<="token":")[^"]*/g)?.join("")).toBe("The notice period is two months [1].");
    expect(frames.at(-1)).toBe("[DONE]");
  });

  test("embed.ts answers without a port and without an account [R2-077]", async () => {
    const output = await run("embed.ts", { LOG_LEVEL: "silent" });

    expect(output).toContain("data: [DONE]\n\n");
    expect(output).toMatch(/Session 8b1a9953c4611296a827abf8c47804d7: 1 answer in chat [0-9a-f-]{36}\n$/);
  });

  test("openai-responses.ts goes on from a response, and deletes both", async () => {
    await using harness = await startHarness();

    const output = await run("openai-responses.ts", { GATEWAY_URL: `${harness.url}/v1` });

    expect(output.split("\n").slice(1).join("\n")).toContain("teal");
    expect(harness.emulator.requests.filter(({ on }) => on === "chats/new")).toHaveLength(1);
  });

  test("anthropic.ts streams, and has a tool called", async () => {
    await using harness = await startHarness();

    const output = await run("anthropic.ts", { GATEWAY_ORIGIN: harness.url });

    expect(output).toStartWith('1 2 3 4 5\nget_weather {"city":"Riga"}\n');
    expect(output).toContain("rain");
  });

  test("fetch-stream.ts reads a stream whole, and knows one that was cut", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1", QWEN_RECOVER: "false" } });
    const environment = { GATEWAY_URL: `${harness.url}/v1` };

    const output = await run("fetch-stream.ts", environment);
    harness.emulator.script({ reply: { text: "one two three", faults: [{ kind: "drop", after: 2 }] } });
    const cut = await outcomeOf("fetch-stream.ts", environment);

    expect(output).toBe(`${Array.from({ length: 20 }, (_, index) => index + 1).join(" ")}\n`);
    expect(cut.exitCode).toBe(1);
    expect(cut.errors).toContain("The connection to Qwen broke off");
  });

  test("ai-sdk.ts streams, and gives an object", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });

    const output = await run("ai-sdk.ts", { GATEWAY_URL: `${stage.harness.url}/v1`, MODEL: "Qwen/Qwen3.6-27B" });

    expect(output).toStartWith("1 2 3 4 5\n");
    expect(output).toMatch(/\{\s*city: "/);
  });

  test.each(["langchain.ts", "llamaindex.ts"])("%s streams, and has a tool called", async (name) => {
    await using harness = await startHarness();

    const output = await run(name, { GATEWAY_URL: `${harness.url}/v1` });

    expect(output).toStartWith("1 2 3 4 5\n");
    expect(output).toContain("rain in Riga");
  });

  test("openai-agents.ts has a tool called, and streams", async () => {
    await using harness = await startHarness();

    const output = await run("openai-agents.ts", { GATEWAY_URL: `${harness.url}/v1` });

    expect(output).toContain("rain in Riga");
    expect(output).toEndWith("\n1 2 3 4 5\n");
  });

  test("react/chat.tsx asks, and shows the answer", async () => {
    await using harness = await startHarness();
    await using chat = await openChatExample(`${harness.url}/api/chat/stream`);

    await chat.say("Count from 1 to 5");

    expect(chat.messages()).toEqual([
      ["user", "Count from 1 to 5"],
      ["assistant", "1 2 3 4 5"],
    ]);
  });
});

// PYTHON names another one, such as that of an environment with the two libraries.
const python = Bun.which(process.env["PYTHON"] ?? "python3") ?? undefined;
if (python === undefined) console.warn("There is no python3 here: the examples in Python are not tried");

describe.skipIf(python === undefined)("the examples in Python", () => {
  async function run(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const child = Bun.spawn([python ?? "", ...words], {
      cwd: root,
      env: { PATH: process.env["PATH"] ?? "", PYTHONDONTWRITEBYTECODE: "1", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { exitCode, output, errors };
  }

  /** Runs it where its library is installed; elsewhere Python says at least that it can read it. */
  async function runWith(library: string, name: string, environment: Readonly<Record<string, string>>) {
    if ((await run(["-c", `import ${library}`])).exitCode === 0)
      return run([join("examples/python", name)], environment);
    console.warn(`There is no Python library "${library}" here: examples/python/${name} is read alone`);
    const read = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
    expect(await run(["-c", read, join("examples/python", name)])).toEqual({ exitCode: 0, output: "", errors: "" });
    return undefined;
  }

  test("stream.py reads a stream whole, knows one that was cut, and says why it was refused", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1", QWEN_RECOVER: "false" } });
    const environment = { GATEWAY_URL: `${harness.url}/v1` };

    const whole = await run(["examples/python/stream.py"], environment);
    harness.emulator.script({ reply: { text: "one two three", faults: [{ kind: "drop", after: 2 }] } });
    const cut = await run(["examples/python/stream.py"], environment);
    const refused = await run(["examples/python/stream.py"], { ...environment, MODEL: "nobody/has-this" });

    const numbers = Array.from({ length: 20 }, (_, index) => index + 1).join(" ");
    expect(whole).toEqual({ exitCode: 0, output: `${numbers}\n`, errors: "" });
    expect([cut.exitCode, cut.errors]).toEqual([1, expect.stringContaining("The connection to Qwen broke off")]);
    expect([refused.exitCode, refused.errors]).toEqual([1, expect.stringContaining("nobody/has-this")]);
  });

  test("openai_stream.py is remembered in its second turn", async () => {
    await using harness = await startHarness();

    const result = await runWith("openai", "openai_stream.py", { GATEWAY_URL: `${harness.url}/v1` });

    if (result === undefined) return;
    expect([result.exitCode, result.errors]).toEqual([0, ""]);
    expect(result.output.split("> What is my favourite colour?")[1]).toContain("teal");
    expect(harness.emulator.requests.filter(({ on }) => on === "chats/new")).toHaveLength(1);
  });

  test("anthropic_stream.py streams, and has a tool called", async () => {
    await using harness = await startHarness();

    const result = await runWith("anthropic", "anthropic_stream.py", { GATEWAY_ORIGIN: harness.url });

    if (result === undefined) return;
    expect([result.exitCode, result.errors]).toEqual([0, ""]);
    expect(result.output).toStartWith('1 2 3 4 5\nget_weather {"city": "Riga"}\n');
    expect(result.output).toContain("rain");
  });
});

function listExamples(): string[] {
  return readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:tsx?|py)$/.test(name))
    .sort();
}
