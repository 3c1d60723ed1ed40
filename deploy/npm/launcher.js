#!/usr/bin/env node
// What npm runs as `qwen-gateway`: finds the executable in the package of this platform, and becomes it, or starts it with the
// same arguments and streams, passes signals on, and ends as it ends. Plain JavaScript, for every Node from 18 on.

import { spawn } from "node:child_process";
import { accessSync, chmodSync, constants } from "node:fs";
import { createRequire } from "node:module";

const platforms = ["linux-x64", "linux-x64-musl", "linux-arm64", "linux-arm64-musl", "darwin-x64", "darwin-arm64"];
const documents = "https://www.npmjs.com/package/qwen-gateway";

const executable = findExecutable();
ensureExecutable();
const words = process.argv.slice(2);
// A process that has replaced itself needs nobody to pass signals on, and cannot be left behind. From Node 22.15 on, not on
// Windows. It does not come back: where it fails, Node says so and aborts.
if (typeof process.execve === "function" && process.platform !== "win32") {
  process.execve(executable, [executable, ...words], process.env);
}
startChild();

/** @returns {string} where the executable is; ends the process where there is none */
function findExecutable() {
  const platform = platformName();
  if (platform === undefined) {
    fail(
      `qwen-gateway has no executable for ${process.platform} on ${process.arch}: there are ones for Linux and macOS on x64 and arm64, and for Windows on x64. ` +
        `Elsewhere its source runs on Bun: ${documents}`,
    );
  }
  const name = `@qwen-gateway/${platform}`;
  const file = process.platform === "win32" ? "qwen-gateway.exe" : "qwen-gateway";
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/${file}`);
  } catch {
    fail(
      `qwen-gateway cannot find its executable: the package "${name}" is not installed. ` +
        "npm leaves it out with --omit=optional or --no-optional, and where a lock file was written on another system: " +
        "install qwen-gateway again without them, and without that lock file",
    );
  }
}

/** Some package managers lose the mode of a file that is no script. */
function ensureExecutable() {
  if (process.platform === "win32") return;
  try {
    accessSync(executable, constants.X_OK);
  } catch {
    try {
      chmodSync(executable, 0o755);
      accessSync(executable, constants.X_OK);
    } catch (error) {
      fail(`qwen-gateway may not start "${executable}": ${error.message}`);
    }
  }
}

/** @returns {string | undefined} */
function platformName() {
  if (process.platform === "win32") return process.arch === "x64" ? "windows-x64" : undefined;
  const name = `${process.platform}-${process.arch}${isMusl() ? "-musl" : ""}`;
  return platforms.includes(name) ? name : undefined;
}

/** Alpine and its like: Node's report names the C library only where it is glibc. */
function isMusl() {
  if (process.platform !== "linux") return false;
  // Else the report looks up the names of all open connections.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

function startChild() {
  const child = spawn(executable, words, { stdio: "inherit" });
  child.on("error", (error) => fail(`qwen-gateway cannot start "${executable}": ${error.message}`));
  // A terminal sends Ctrl-C to the whole foreground: passed on, it would come twice, and the second ends all at once.
  const isAtTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGBREAK"]) {
    const isSeenByChild = isAtTerminal && ["SIGINT", "SIGQUIT", "SIGBREAK"].includes(signal);
    try {
      process.on(signal, () => {
        if (!isSeenByChild) child.kill(signal);
      });
    } catch {
      // This system has no such signal.
    }
  }
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * @param {string} sentence
 * @returns {never}
 */
function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
