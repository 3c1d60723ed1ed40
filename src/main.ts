// The program behind boot.ts: command line in, exit code out.

import { runCommandLine } from "./cli/run-command-line.ts";
import { endAsOthersDo } from "./cli/stop-signals.ts";
import { printLine } from "./telemetry/print-line.ts";
import { openStandardError } from "./telemetry/standard-error.ts";

if (process.pid === 1) endAsOthersDo(process, (code) => process.exit(code));

const exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  // Not by process.stdout, a stream of Node's: to look at it costs 6 MB and 15 ms, for one line of a server.
  print: printLine,
  complain: (text) => void openStandardError().write(`${text}\n`),
  // https://no-color.org
  get hasColours() {
    return process.stdout.isTTY === true && !process.env["NO_COLOR"];
  },
  readInput(prompt) {
    if (process.stdin.isTTY) process.stderr.write(`${prompt}\n`);
    return Bun.stdin.text();
  },
  questions: {
    get isTerminal() {
      return process.stdin.isTTY === true;
    },
    async open() {
      const { createLineSource } = await import("./cli/line-source.ts");
      return createLineSource(process.stdin, (text) => void process.stderr.write(text));
    },
  },
});
// Idle connections and timers must not keep a program alive whose work is done.
process.exit(exitCode);
