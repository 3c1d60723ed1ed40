// The package's public names are documented where they stand, and the examples do what they say.

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { startHarness } from "../../support/harness.ts";
import { parseFrames } from "../../support/sse-frames.ts";
import { startChatServer } from "../client/chat-server.ts";
import { readProjectFile, root } from "./source-files.ts";

interface PublicName {
  readonly name: string;
  /** The file that declares it, relative to `src/`. */
  readonly file: string;
}

/** Values, not types: `export { type A, b } from "./file.ts"` and what the façade declares itself. */
function readPublicNames(source: string): PublicName[] {
  const passedOn = [...source.matchAll(/^export \{([^}]*)\} from "([^"]+)";/gm)].flatMap((match) =>
    (match[1] ?? "")
      .split(",")
      // "declared as published": it is documented where it is declared.
      .map((name) => name.trim().replace(/ as \w+$/, ""))
      .filter((name) => name !== "" && !name.startsWith("type "))
      .map((name) => ({ name, file: posix.normalize(match[2] ?? "") })),
  );
  const own = [...source.matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)];
  return [...passedOn, ...own.map((match) => ({ name: match[1] ?? "", file: "library.ts" }))];
}

/** The doc comment right above a declaration; undefined without one. */
function readComment(source: string, name: string): string | undefined {
  const declaration = new RegExp(`^export (?:async )?(?:function\\*?|class|const) ${name}\\b`, "m").exec(source);
  if (declaration === null) return undefined;
  return /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n$/.exec(source.slice(0, declaration.index))?.[1];
}

describe("the public names", () => {
  const names = readPublicNames(readProjectFile("src/library.ts"));

  test("each function, class and constant says in its doc comment what it is for [R2-077]", () => {
    expect(names.length).toBeGreaterThan(22);
    const silent = names.filter(({ name, file }) => {
      const comment = readComment(readProjectFile(`src/${file}`), name);
      return comment === undefined || comment.replaceAll(/[\s*]/g, "").length < 20;
    });

    expect(silent).toEqual([]);
  });

  test("several show by an example how they are called [R2-077]", () => {
    const comments = names.map(({ name, file }) => readComment(readProjectFile(`src/${file}`), name) ?? "");

    expect(comments.filter((comment) => comment.includes("@example")).length).toBeGreaterThanOrEqual(8);
  });

  test("readComment finds a comment, and its absence", () => {
    const source = "/** Says what it does. */\nexport function told() {}\n\nexport const silent = 1;\n";

    expect(readComment(source, "told")).toBe(" Says what it does. ");
    expect(readComment(source, "silent")).toBeUndefined();
  });
});

describe("the examples", () => {
  async function run(name: string, environment: Readonly<Record<string, string>>): Promise<string> {
    const child = Bun.spawn([process.execPath, join(root, "examples", name)], {
      cwd: root,
      env: { PATH: process.env["PATH"] ?? "", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect([child.exitCode, errors]).toEqual([0, ""]);
    return output;
  }

  test("all of them are tried here", () => {
    expect(readdirSync(join(root, "examples")).sort()).toEqual([
      "embed.ts",
      "langgraph.ts",
      "openai-chat.ts",
      "openai-stream.ts",
      "sessions.ts",
      "typed-chat-pipeline.ts",
      "typed-chat.ts",
    ]);
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

    const output = await run("typed-chat.ts", { GATEWAY_URL: new URL(server.url).origin });

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
});
