// An agent's settings file on the disk: found, read, and written whole or not at all, with its mode and through links.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join, relative } from "node:path";
import type { Environment } from "../../config/load-config.ts";
import { fileReasonOf, reasonOf } from "../../contract/thrown.ts";
import { UsageError } from "../command.ts";
import type { SettingsPlace } from "./agent.ts";

export interface SettingsFile {
  /** As the agent names it. */
  readonly path: string;
  /** Where it lies behind all links. */
  readonly target: string;
  /** Undefined: there is none. */
  readonly bytes: Uint8Array | undefined;
}

/** A file that is not to be touched as it is; the message is the whole sentence. */
export class UnfitFileError extends Error {
  override readonly name = "UnfitFileError";
}

/** @throws {UsageError} without a home */
function homeOf(environment: Environment): string {
  const home = environment["HOME"] || environment["USERPROFILE"];
  if (!home || !isAbsolute(home)) throw new UsageError("Cannot find the settings of agents: there is no HOME");
  return home;
}

export function settingsFolder({ variable, below, usual }: SettingsPlace, environment: Environment): string {
  const named = variable === undefined ? undefined : environment[variable];
  if (named !== undefined && isAbsolute(named)) return join(named, below ?? "");
  return join(homeOf(environment), usual);
}

export function settingsPath(place: SettingsPlace, environment: Environment): string {
  const folder = settingsFolder(place, environment);
  const paths = place.files.map((name) => join(folder, name));
  return paths.find((path) => existsSync(path)) ?? paths[0] ?? folder;
}

/** @throws {UnfitFileError} */
export function openSettingsFile(path: string): SettingsFile {
  if (!existsSync(path)) {
    const isDangling = linkTarget(path) !== undefined;
    if (isDangling) throw new UnfitFileError(`Cannot write "${path}": it is a link that leads nowhere`);
    return { path, target: path, bytes: undefined };
  }
  const target = realpathSync(path);
  if (!statSync(target).isFile()) throw new UnfitFileError(`Cannot change "${path}": it is not an ordinary file`);
  try {
    return { path, target, bytes: readFileSync(target) };
  } catch (cause) {
    throw new UnfitFileError(`Cannot read "${path}": ${fileReasonOf(cause) ?? reasonOf(cause)}`, { cause });
  }
}

/** Undefined: the file is where it seems to be, or in the home all the same. */
export function leavesHome({ path, target }: SettingsFile, environment: Environment): string | undefined {
  const home = homeOf(environment);
  const real = existsSync(home) ? realpathSync(home) : home;
  const isLinked = existsSync(path) && target !== path;
  return isLinked && relative(real, target).startsWith("..") ? target : undefined;
}

/** Folders that have to be made for it, the innermost first. */
export function missingFolders({ target }: Pick<SettingsFile, "target">): readonly string[] {
  const folder = dirname(target);
  return existsSync(folder) ? [] : [folder, ...missingFolders({ target: folder })];
}

export function isReadableByOthers({ target }: SettingsFile): boolean {
  return (statSync(target).mode & 0o044) !== 0;
}

/**
 * Through a draft beside it, which takes its place at once. A new file is readable by its owner alone: it may hold a key.
 * @throws {UnfitFileError} when somebody else has changed it since it was opened
 */
export function writeSettingsFile(file: SettingsFile, bytes: Uint8Array): void {
  checkUnchanged(file);
  mkdirSync(dirname(file.target), { recursive: true, mode: 0o700 });
  const mode = file.bytes === undefined ? 0o600 : statSync(file.target).mode & 0o777;
  const draft = `${file.target}.${process.pid}`;
  try {
    writeFileSync(draft, bytes, { mode: 0o600, flag: "wx", flush: true });
    chmodSync(draft, mode);
    renameSync(draft, file.target);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @throws {UnfitFileError} as above */
export function removeSettingsFile(file: SettingsFile): void {
  checkUnchanged(file);
  rmSync(file.path, { force: true });
}

function checkUnchanged(file: SettingsFile): void {
  const now = existsSync(file.target) ? readFileSync(file.target) : undefined;
  if (Bun.deepEquals(now?.toString("base64"), file.bytes && Buffer.from(file.bytes).toString("base64"))) return;
  throw new UnfitFileError(`Cannot write "${file.path}": somebody else has changed it meanwhile; run it again`);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // There is nothing, or it is no link.
    return undefined;
  }
}
