// The config file on the disk: read with a check, written whole or not at all, never without a copy of what is lost.

import {
  constants,
  copyFileSync,
  chmodSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { defaultConfigPath } from "../../config/default-config-path.ts";
import { type Environment, loadConfig } from "../../config/load-config.ts";
import type { JsonObject } from "../../contract/json.ts";
import {
  type ConfiguredUpstream,
  listConfiguredUpstreams,
} from "../../upstreams/openai-compatible/servers/configured-upstreams.ts";
import { UsageError } from "../command.ts";
import { readConfigFile } from "../config-flags.ts";
import { describeStartError } from "../describe-start-error.ts";
import { parseYaml } from "./edit-yaml.ts";

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** It is where `serve` looks by itself. */
  readonly isDefault: boolean;
  /** Undefined: there is none yet. */
  readonly text: string | undefined;
  readonly content: JsonObject;
  /** Those that it has. */
  readonly upstreams: readonly ConfiguredUpstream[];
}

/** @throws {ConfigError} when it is there and cannot be used as it is @throws {UsageError} without a place for it */
export function openConfigFile(named: string | undefined, environment: Environment): ConfigFile {
  const usual = defaultConfigPath(environment);
  const path = named ?? usual;
  if (path === undefined)
    throw new UsageError("Cannot choose a place for the file: there is no HOME; name it by --config");
  const text = readConfigFile(path);
  // The draft takes the place of what is there: root would lose a device.
  if (text !== undefined && !statSync(path).isFile())
    throw new UsageError(
      `Cannot write settings to "${path}": it is not an ordinary file; name another one by --config`,
    );
  // What is wrong in it would be wrong afterwards too, and only its owner knows what was meant.
  const { config } = loadConfig({ environment: {}, flags: {}, file: { path, text: text ?? "" } });
  return {
    path: resolve(path),
    isDefault: usual !== undefined && resolve(path) === resolve(usual),
    text,
    content: parseYaml(text ?? ""),
    upstreams: listConfiguredUpstreams(config),
  };
}

export interface WrittenFile {
  /** The copy of what was there before, where one was made. */
  readonly copy: string | undefined;
}

/** Somebody else has written the file meanwhile. */
export class ChangedMeanwhileError extends Error {
  override readonly name = "ChangedMeanwhileError";
}

/**
 * @param path of the file: what a full disk says names none
 * @returns undefined for an error that is not one of writing the file
 */
export function describeUnwritable(error: unknown, path: string): string | undefined {
  const sentence = describeStartError(error, { host: "", port: 0, dataDir: path });
  return sentence?.replace(/--data-dir or DATA_DIR$/, "--config");
}

/**
 * Mode 0600, by a draft beside it that takes its place at once.
 * @param keepsCopy of the file as it is
 * @throws {ChangedMeanwhileError} when it is not the text that was opened
 */
export function writeConfigFile(
  file: ConfigFile,
  text: string,
  keepsCopy: "copy" | "no-copy",
  nowMs: number,
): WrittenFile {
  if (readConfigFile(file.path) !== file.text) throw new ChangedMeanwhileError();
  mkdirSync(dirname(file.path), { recursive: true, mode: 0o700 });
  // A link, as people have them who keep their settings elsewhere, goes on leading there.
  const path = file.text === undefined ? file.path : realpathSync(file.path);
  const copy =
    keepsCopy === "copy" ? `${path}.before-${new Date(nowMs).toISOString().replace(/[:.]/g, "-")}` : undefined;
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: "wx", flush: true });
    if (copy !== undefined) {
      copyFileSync(path, copy, constants.COPYFILE_EXCL);
      chmodSync(copy, 0o600);
    }
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return { copy };
}
