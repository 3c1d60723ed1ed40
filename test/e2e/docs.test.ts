// Whatever a document tells a reader to type is typed here, on the compiled executable, from the top of its page to the
// end. What cannot be, says so in a comment before it: see CONTRIBUTING.md.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openDocShell } from "../support/docs/doc-shell.ts";
import { faultOf } from "../support/docs/judge-block.ts";
import { shellLanguages, userDocuments } from "../support/docs/list-documents.ts";
import { callsInProse, type CodeBlock, readBlocks } from "../support/docs/read-markdown.ts";
import { type EmulatorProcess, startEmulatorProcess } from "../support/emulator-process.ts";

// Far beyond what a page needs, for machines that are busy with something else.
setDefaultTimeout(120_000);

const root = join(import.meta.dir, "..", "..");

interface Page {
  readonly path: string;
  readonly blocks: readonly CodeBlock[];
}

const pages: readonly Page[] = userDocuments
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
  .map(({ path, text }) => ({
    path,
    // What stands in a sentence comes last, when all that its page starts is there.
    blocks: [...readBlocks(text).filter(({ language }) => shellLanguages.has(language)), ...callsInProse(text)],
  }))
  .filter(({ blocks }) => blocks.length > 0);

/** What may keep a block from being run, as the marks begin. */
const reasons = [
  "needs docker",
  "needs a cluster",
  "needs systemd",
  "needs Homebrew",
  "needs a published release",
  "needs root",
  "needs the network",
  "needs a browser",
  "needs a server that is not here",
  "needs several machines",
  "needs real credentials",
  "another system's",
  "an interactive agent",
  "a dialogue",
  "takes minutes",
  "a clone's own",
];

const chat = `http://127.0.0.1:8787/v1/chat/completions -d '{"stream":true,"messages":[{"role":"user","content":"Hello"}]}'`;

let emulator: EmulatorProcess;

beforeAll(async () => {
  emulator = await startEmulatorProcess();
});

afterAll(() => emulator[Symbol.asyncDispose]());

describe("what the documents tell to type", () => {
  test.each(pages)("works: $path", async ({ path, blocks }) => {
    await using shell = openDocShell(emulator.url);
    const faults: string[] = [];

    for (const block of blocks) {
      if (block.notRun !== undefined) continue;
      const result = await shell.run(block);
      const fault = faultOf(block, result);
      if (fault !== undefined) faults.push(`${path}:${block.line}: ${fault}\n${block.text}\n--\n${result.output}`);
    }

    expect(faults.join("\n\n")).toBe("");
  });
});

describe("a block that does not do what it says", () => {
  test.each([
    ["ends badly", "false", "it ended with 1"],
    ["ends badly in the middle", "false\necho well", "it ended with 1"],
    ["ends badly in a pipe", "false | cat", "it ended with 1"],
    ["names no command", "qwen-gateway serv", "it ended with 2"],
    ["names no flag", "qwen-gateway --prot 8787", "it ended with 2"],
    ["names a package that the terminal does not have", "npx --yes cowsay", "it ended with 127"],
    ["changes the machine", "docker ps", "it ended with 127"],
    ["is refused", "curl http://127.0.0.1:8787/v1/nothing", "its calls were answered 404"],
    [
      "is refused once",
      `curl ${chat}\ncurl ${chat.replace("messages", "message")}`,
      "its calls were answered 200, 400",
    ],
    [
      "breaks off in its stream",
      `qwen-gateway emulate --port 8788
QWEN_BASE_URL=http://127.0.0.1:8788 QWEN_TOKEN=demo RETRY_MAX_ATTEMPTS=1 QWEN_RECOVER=false qwen-gateway
curl http://127.0.0.1:8788/__emulator/script -d '{"reply":{"text":"one two three","faults":[{"kind":"drop","after":2}]}}'
curl ${chat}`,
      "an answer tells of an error in its stream",
    ],
  ])("is seen: one that %s", async (_, text, fault) => {
    await using shell = openDocShell(emulator.url);
    const [block] = readBlocks(`\`\`\`sh\n${text}\n\`\`\``);

    expect(faultOf(block!, await shell.run(block!))).toBe(fault);
  });
});

describe("what is not run", () => {
  const marks = pages.flatMap(({ path, blocks }) =>
    blocks.flatMap(({ line, notRun, passedOver }) => [
      ...(notRun === undefined ? [] : [{ at: `${path}:${line}`, reason: notRun, isWhole: true }]),
      ...[...passedOver.values()].map((reason) => ({ at: `${path}:${line}`, reason, isWhole: false })),
    ]),
  );

  test("says why, by one of the reasons there are", () => {
    const others = marks.filter(({ reason }) => !reasons.some((known) => reason.startsWith(known)));

    expect(others).toEqual([]);
  });

  test("is a small part of what there is", () => {
    const all = pages.reduce((sum, { blocks }) => sum + blocks.length, 0);
    const whole = marks.filter(({ isWhole }) => isWhole);

    console.log(
      `${all} blocks, ${whole.length} not run:\n${marks.map(({ at, reason }) => `  ${at} ${reason}`).join("\n")}`,
    );
    expect(all).toBeGreaterThan(60);
    expect(whole.length / all).toBeLessThan(0.3);
  });
});
