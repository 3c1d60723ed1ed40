// qwen-gateway setup in a home of its own, with answers as somebody would type them.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLineSource } from "../../../../src/cli/line-source.ts";
import { runCommandLine } from "../../../../src/cli/run-command-line.ts";

export interface SetupRun {
  readonly exitCode: number;
  readonly printed: string;
  readonly complaints: string;
  /** The questions that were asked. */
  readonly asked: string;
  /** All that was shown. */
  readonly shown: string;
}

export interface SetupStage extends Disposable {
  readonly home: string;
  /** Where the config file is meant to be. */
  readonly path: string;
  /** The file as it is; undefined: there is none. */
  readonly file: string | undefined;
  /** @param options `answers`: lines that are typed; without them nobody can be asked */
  run(
    words: readonly string[],
    options?: {
      readonly environment?: Readonly<Record<string, string>>;
      readonly answers?: readonly string[];
      readonly input?: string;
    },
  ): Promise<SetupRun>;
}

export function createSetupStage(): SetupStage {
  const home = mkdtempSync(join(tmpdir(), "qwen-gateway-setup-"));
  const path = join(home, ".config", "qwen-gateway", "config.yaml");
  return {
    home,
    path,
    get file() {
      return existsSync(path) ? readFileSync(path, "utf8") : undefined;
    },
    async run(words, { environment = {}, answers, input = "" } = {}) {
      const printed: string[] = [];
      const complaints: string[] = [];
      let asked = "";
      async function* type() {
        for (const answer of answers ?? []) yield `${answer}\n`;
      }
      const open = async () =>
        createLineSource({ [Symbol.asyncIterator]: type }, (text) => {
          asked += text;
        });
      const exitCode = await runCommandLine(["setup", ...words], {
        environment: { HOME: home, ...environment },
        print: (text) => printed.push(text),
        complain: (text) => complaints.push(text),
        readInput: async () => input,
        questions: { isTerminal: answers !== undefined, open },
      });
      const [shownPrinted, shownComplaints] = [printed.join("\n"), complaints.join("\n")];
      const shown = [shownPrinted, shownComplaints, asked].join("\n");
      return { exitCode, printed: shownPrinted, complaints: shownComplaints, asked, shown };
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}
