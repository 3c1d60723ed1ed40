// Whatever a document tells a reader to type is typed here, on the compiled executable, from the top of its page to the
// end. What cannot be, says so in a comment before it: see CONTRIBUTING.md.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openDocShell } from "../support/docs/doc-shell.ts";
import { shellLanguages, userDocuments } from "../support/docs/list-documents.ts";
import { type CodeBlock, readBlocks } from "../support/docs/read-markdown.ts";
import { type EmulatorProcess, startEmulatorProcess } from "../support/emulator-process.ts";

// Far beyond what a page needs, for machines that are busy with something else.
setDefaultTimeout(120_000);

const root = join(import.meta.dir, "..", "..");

interface Page {
  readonly path: string;
  readonly blocks: readonly CodeBlock[];
}

const pages: readonly Page[] = userDocuments
  .map((path) => ({ path, blocks: readBlocks(readFileSync(join(root, path), "utf8")) }))
  .map(({ path, blocks }) => ({ path, blocks: blocks.filter(({ language }) => shellLanguages.has(language)) }))
  .filter(({ blocks }) => blocks.length > 0);

/** What may keep a block from being run, as the marks begin. */
const reasons = [
  "needs docker",
  "needs a cluster",
  "needs systemd",
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
      const { exitCode, output, answers } = await shell.run(block);
      const wrong = answers.filter(({ status }, index) => !isMeant(block, status, index));
      const broken = answers.filter(
        ({ status, words }) => status < 300 && /^event: error$|^data: \{"error":/m.test(words),
      );
      if (exitCode === 0 && wrong.length === 0 && broken.length === 0) continue;
      const statuses = answers.map(({ status }) => status).join(", ");
      faults.push(
        `${path}:${block.line} ended with ${exitCode}, answers ${statuses || "none"}:\n${block.text}\n--\n${output}`,
      );
    }

    expect(faults.join("\n\n")).toBe("");
  });
});

function isMeant({ answers }: CodeBlock, status: number, index: number): boolean {
  const meant = answers.length === 1 ? answers[0] : answers[index];
  return meant === undefined ? status >= 200 && status < 300 : status === meant;
}

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
