// A home of its own for tests of connect and disconnect, and the command line over it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCommandLine } from "../../../../src/cli/run-command-line.ts";

export interface HomeStage extends Disposable {
  readonly home: string;
  /** Writes a file of the home, and returns its path. */
  write(name: string, text: string): string;
  run(
    words: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<{ readonly exitCode: number; readonly printed: string; readonly complaints: string }>;
}

export function createHomeStage(): HomeStage {
  const home = mkdtempSync(join(tmpdir(), "qwen-gateway-connect-"));
  return {
    home,
    write(name, text) {
      const path = join(home, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    async run(words, environment = {}) {
      const printed: string[] = [];
      const complaints: string[] = [];
      const exitCode = await runCommandLine(words, {
        environment: { HOME: home, PATH: "", ...environment },
        print: (text) => printed.push(text),
        complain: (text) => complaints.push(text),
        readInput: async () => "",
      });
      return { exitCode, printed: printed.join("\n"), complaints: complaints.join("\n") };
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true }),
  };
}
