// The program behind boot.ts: command line in, exit code out.

import { runCommandLine } from "./cli/run-command-line.ts";

const exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
  // https://no-color.org
  hasColours: process.stdout.isTTY === true && !process.env["NO_COLOR"],
  readInput(prompt) {
    if (process.stdin.isTTY) process.stderr.write(`${prompt}\n`);
    return Bun.stdin.text();
  },
});
// Idle connections and timers must not keep a program alive whose work is done.
process.exit(exitCode);
