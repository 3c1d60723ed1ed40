// Real coding agents, unchanged, on the compiled executable: connected by `connect` in a home of their own, each reads a file
// through one of its tools and answers from it; then `disconnect` puts its settings back. What the upstream was told and what
// the agent said count, not its exit code: some end well although no tool ran.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runBinary } from "../support/binary.ts";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import { agentMs, chatOf, connect, isRunnable, key, prepare, runAgent } from "./agent-stage.ts";
import { realAgents } from "./real-agents.ts";

setDefaultTimeout(agentMs + 10_000);

describe.skipIf(!isRunnable).each(upstreamKinds)("over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind, { API_KEY: key });
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each(realAgents.map((agent) => [agent.name, agent] as const))(
    "%s reads a file and answers from it",
    async (name, agent) => {
      const task = prepare(agent, stage);
      await connect(name, stage);

      const ran = await runAgent(agent, stage, task.question);

      const [asked, told, ...more] = stage.asked();
      expect({ ...ran, requests: stage.asked().length }).toMatchObject({
        requests: 2,
        output: expect.stringContaining(task.answer),
      });
      expect(asked).toContain("What is the word of the day");
      expect(asked).not.toContain(task.secret);
      expect(told).toContain(task.secret);
      expect(more).toEqual([]);
      // The second turn went on in the chat of the first, where the upstream has chats.
      expect(chatOf(told)).toBe(chatOf(asked));

      const disconnected = await runBinary(["disconnect", name], {}, stage.place);
      expect(disconnected.exitCode).toBe(0);
      expect(readFileSync(task.settings, "utf8")).toBe(agent.settings);
    },
  );
});

describe.skipIf(!isRunnable)("over the web backend alone", () => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage("web", { API_KEY: key, MODEL_ROUTES: '{"gpt-*":["qwen3-max"]}' });
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  test("opencode asks for a title beside its work, in a chat of its own, under the same session", async () => {
    const agent = realAgents.find(({ name }) => name === "opencode")!;
    const withoutTitle = (question: string) =>
      agent.command(question).filter((word) => word !== "--title" && word !== "notes");
    stage.script({ text: "A word" }, "You are a title generator");
    const task = prepare(agent, stage, "You are opencode");
    await connect("opencode", stage);

    const { output } = await runAgent({ ...agent, command: withoutTitle }, stage, task.question);

    const chats = stage.asked().map(chatOf);
    const isTitle = stage.asked().map((body) => body.includes("You are a title generator"));
    expect(output).toContain(task.answer);
    expect(isTitle.filter(Boolean)).toHaveLength(1);
    expect(new Set(chats.filter((_, index) => !isTitle[index])).size).toBe(1);
    expect(new Set(chats).size).toBe(2);
  });

  test("codex, by the name of a model that it knows, brings its tools in the input", async () => {
    const codex = realAgents.find(({ name }) => name === "codex")!;
    const script = (path: string) => `text(await tools.exec_command({ cmd: "cat '${path}'" }));`;
    const readCall = (path: string) => ({ name: "exec", arguments: { input: script(path) } });
    const task = prepare({ ...codex, readCall }, stage);
    await connect("codex", { ...stage, model: "gpt-6.1-sol" });

    const ran = await runAgent(codex, stage, task.question);

    expect(ran.output).toContain(task.answer);
    expect(stage.asked()).toHaveLength(2);
    expect(stage.asked()[1]).toContain(task.secret);
    expect(chatOf(stage.asked()[1])).toBe(chatOf(stage.asked()[0]));
  });

  test("codex by its own provider has its session compacted here, and goes on from the summary", async () => {
    const codex = realAgents.find(({ name }) => name === "codex")!;
    const file = join(stage.place.home, codex.file);
    const settings = `openai_base_url = "${stage.url}/v1"\nmodel_auto_compact_token_limit = 1000\n`;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${settings}${codex.settings}`);
    stage.script({ text: "The user is Mira." }, "Summarize this conversation");
    stage.script({ text: "Hello, Mira." }, "I am Mira");
    const agent = { ...codex, environment: { CODEX_API_KEY: key } };
    await runAgent(agent, stage, "I am Mira");
    const ran = await runAgent(agent, stage, "Who am I?", codex.goOn!("Who am I?"));

    expect(stage.asked()).toHaveLength(3);
    expect(stage.asked()[1]).toContain("Summarize this conversation");
    expect(chatOf(stage.asked()[1])).toBe(chatOf(stage.asked()[0]));
    expect(stage.asked()[2]).toContain("The user is Mira.");
    expect(stage.asked()[2]).not.toContain("Hello, Mira.");
    expect(ran.errors).toContain("context compacted");
  });

  test.each([
    [
      "openai-responses",
      (url: string) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: key, OPENAI_MODEL: "qwen3-max" }),
    ],
    ["anthropic", (url: string) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: key, ANTHROPIC_MODEL: "qwen3-max" })],
  ])("qwen-code by its other protocol %s, with the variables that its page names", async (type, variables) => {
    const agent = realAgents.find(({ name }) => name === "qwen-code")!;
    const task = prepare(agent, stage);
    const command = (question: string) => [...agent.command(question), "--auth-type", type];

    const ran = await runAgent({ ...agent, command, environment: variables(stage.url) }, stage, task.question);

    expect(ran.output).toContain(task.answer);
    expect(stage.asked()).toHaveLength(2);
    expect(stage.asked()[1]).toContain(task.secret);
    expect(chatOf(stage.asked()[1])).toBe(chatOf(stage.asked()[0]));
  });
});
