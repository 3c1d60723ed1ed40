// A file of environment variables, as container engines and systemd take it, that the program reads itself: unlike its own
// environment it can be read again.

import { ConfigError } from "./config-error.ts";
import type { Environment } from "./load-config.ts";
import { readSettingsFile } from "./settings-file.ts";

/**
 * @returns `environment` with what the file adds: a variable that is set already, and not empty, counts more
 * @throws {ConfigError} when the file cannot be read; what it holds is never told
 */
export function withEnvFile(environment: Environment, path: string): Environment {
  const file = readSettingsFile(path);
  if ("reason" in file) throw new ConfigError([`Cannot read env file "${path}": ${file.reason}`]);
  const { text } = file;
  const wrong = text.split("\n").findIndex((line) => !isSound(line));
  if (wrong >= 0) {
    throw new ConfigError([`Cannot use env file "${path}": line ${wrong + 1} is not NAME=value, nor a comment`]);
  }
  const set = Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== "");
  return { ...parse(text), ...Object.fromEntries(set) };
}

/** A value without quotes. */
const plainLine = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(?!\s*["'`])(.*?)(?:\s#.*)?$/;

/** Node's parser would end a key at any "#" in it, and leave a shorter one. */
function parse(text: string): Record<string, string | undefined> {
  // Loaded only for those who have such a file.
  const { parseEnv } = process.getBuiltinModule("node:util");
  const lines = text.split("\n").map((line) => {
    const [, name, value = ""] = plainLine.exec(line.replace(/\r$/, "")) ?? [];
    return name === undefined ? parseEnv(line) : { [name]: value.trim() };
  });
  return Object.assign({}, ...lines);
}

const soundLine = /^\s*(?:#.*|(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=.*)?$/;

function isSound(line: string): boolean {
  return soundLine.test(line.replace(/\r$/, ""));
}
