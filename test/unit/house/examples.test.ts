// The examples do what they say, each as a program of its own in front of a gateway.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
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
    // The others' packages are those of test/clients/examples.test.ts.
    const elsewhere = ["ai-sdk.ts", "langchain.ts"];
    const there = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.tsx?$/.test(name),
    );

    expect(there.filter((name) => !elsewhere.includes(name)).sort()).toEqual([
      "anthropic.ts",
      "embed.ts",
      "fetch-stream.ts",
      "langgraph.ts",
      "openai-chat.ts",
      "openai-responses.ts",
      "openai-stream.ts",
      "react/chat.tsx",
      "sessions.ts",
      "typed-chat-pipeline.ts",
      "typed-chat.ts",
    ]);
  });

  test("each has its line in examples/README.md, and says how it is run", () => {
    const readme = readProjectFile("examples/README.md");
    for (const name of readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })) {
      if (!/\.tsx?$/.test(name)) continue;
      expect(readme).toContain(`[${name}](${name})`);
      expect(readProjectFile(`examples/${name}`)).toStartWith("// ");
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
