// What `qwen-gateway doctor` looks at on this machine: settings, data directory, descriptors. Changes nothing.

import { accessSync, constants, existsSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { agentTokenName } from "../config/agent-token-file.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Config } from "../config/config-schema.ts";
import { loadToolServers } from "../config/mcp-servers.ts";
import type { DoctorLine } from "../contract/doctor-line.ts";
import { isLoopback } from "../outbound/loopback-host.ts";
import { takesJwt } from "../server/auth/jwt-settings.ts";
import { checkBind } from "../server/access/check-bind.ts";
import { hasKeys } from "../store/has-keys.ts";
import { databasePath } from "../store/sqlite/open-store.ts";
import { describeLowLimit } from "../telemetry/descriptors.ts";
import type { LoadedCommandConfig } from "./config-flags.ts";

export function configurationLines({ config, origins, file }: LoadedCommandConfig): DoctorLine[] {
  const subject = "configuration";
  const given = Object.values(origins).filter((origin) => origin !== "default").length;
  const lines: DoctorLine[] = [
    {
      verdict: "ok",
      subject,
      finding: `${given === 1 ? "1 setting" : `${given} settings`} of yours, the others have defaults${file === undefined ? "" : `; file: ${file}`}`,
    },
  ];
  try {
    const others = hasOtherKeys(config) ? ["made at the start, kept in the store, or tokens instead"] : [];
    checkBind({ hostname: config.host, apiKeys: [...config.apiKey, ...others], insecure: config.insecure });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    lines.push(...problemLines(error));
  }
  if (config.insecure && config.apiKey.length === 0 && !hasOtherKeys(config) && !isLoopback(config.host)) {
    const finding = `whoever reaches ${config.host}:${config.port} can use your accounts`;
    lines.push({ verdict: "warn", subject, finding, advice: "set API_KEY" });
  }
  return lines;
}

function hasOtherKeys(config: Config): boolean {
  // What stands in a shared store is the business of the line about it.
  const mayBeStored = config.storeUrl !== undefined || hasKeys(databasePath(config.dataDir));
  return config.generateApiKey || takesJwt(config) || mayBeStored;
}

/** Each sentence says behind its colon what to do. */
export function problemLines(error: ConfigError, subject = "configuration"): DoctorLine[] {
  return error.problems.map((problem) => {
    const [finding, advice] = splitSentence(problem);
    return { verdict: "fail", subject, finding, advice };
  });
}

/** Their settings alone, which a start would refuse; whether they answer is the question of `mcp test`. */
export function toolServerLines({ config, environment }: LoadedCommandConfig): DoctorLine[] {
  const subject = "tool servers";
  try {
    const count = loadToolServers(config, environment).length;
    const finding = `${count} of the settings; try ${count === 1 ? "it" : "them"}: qwen-gateway mcp test`;
    return count === 0 ? [] : [{ verdict: "ok", subject, finding }];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return problemLines(error, subject);
  }
}

export function splitSentence(sentence: string): [before: string, behind: string] {
  // What stands in quotes is told as it is, colons included.
  const at = sentence.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => "_".repeat(quoted.length)).lastIndexOf(": ");
  return at < 0 ? [sentence, "see docs/configuration.md"] : [sentence.slice(0, at), sentence.slice(at + 2)];
}

const mebibyte = 1024 * 1024;
const leastFreeBytes = 50 * mebibyte;
const lowFreeBytes = 500 * mebibyte;
const otherFolder = "choose a folder that you may write with --data-dir or DATA_DIR";

export function dataDirectoryLines(dataDir: string): DoctorLine[] {
  const subject = "data directory";
  const path = resolve(dataDir);
  const existing = nearestExisting(path);
  const problem = existing === path ? tryWriting(path) : tryEntering(existing);
  if (problem !== undefined) {
    return [{ verdict: "fail", subject, finding: `${path} cannot be written: ${problem}`, advice: otherFolder }];
  }
  const freeBytes = freeBytesIn(existing);
  const room = freeBytes === undefined ? "" : `, ${describeBytes(freeBytes)} free`;
  const finding = existing === path ? `${path}${room}` : `${path} is made at the first start${room}`;
  if (freeBytes !== undefined && freeBytes < lowFreeBytes) {
    const advice = `free some space, or ${otherFolder}`;
    return [{ verdict: freeBytes < leastFreeBytes ? "fail" : "warn", subject, finding, advice }];
  }
  return [{ verdict: "ok", subject, finding }, ...(existing === path ? modeLines(path) : [])];
}

/** Secrets and the database are for their owner alone. Windows has no such modes. */
function modeLines(path: string): DoctorLine[] {
  if (process.platform === "win32") return [];
  const isOurs = (name: string): boolean =>
    /\.sqlite(?:-wal|-shm)?$/.test(name) || ["api-key", "master-key", agentTokenName].includes(name);
  return readdirSync(path)
    .filter((name) => isOurs(name) && (statSync(join(path, name)).mode & 0o077) !== 0)
    .map((name) => ({
      verdict: "warn",
      subject: "data directory",
      finding: `others on this machine may read ${join(path, name)}`,
      advice: `chmod 600 '${join(path, name)}'`,
    }));
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function tryWriting(path: string): string | undefined {
  const probe = join(path, `.doctor-${process.pid}`);
  try {
    writeFileSync(probe, "", { flag: "wx", mode: 0o600 });
    rmSync(probe, { force: true });
    return undefined;
  } catch (error) {
    return describeCode(error);
  }
}

function tryEntering(parent: string): string | undefined {
  try {
    if (!statSync(parent).isDirectory()) return `${parent} is a file`;
    accessSync(parent, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return describeCode(error);
  }
}

function describeCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known: Readonly<Record<string, string>> = {
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full",
    ENOTDIR: "it is a file",
  };
  return known[code] ?? (code || String(error));
}

function freeBytesIn(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    // A file system that does not tell is not full for all we know.
    return undefined;
  }
}

function describeBytes(bytes: number): string {
  return bytes < 1024 * mebibyte ? `${Math.floor(bytes / mebibyte)} MB` : `${Math.floor(bytes / (1024 * mebibyte))} GB`;
}

/** Fewer do not even hold the database, the log and a handful of streams. */
const leastDescriptors = 128;

/** @param limit undefined where the system does not tell */
export function descriptorLines(limit: number | undefined, { maxStreams }: Pick<Config, "maxStreams">): DoctorLine[] {
  const subject = "descriptors";
  if (limit === undefined) return [];
  const low = describeLowLimit(limit, maxStreams);
  if (low === undefined) return [{ verdict: "ok", subject, finding: `${limit} files and connections may be open` }];
  const [finding, advice] = splitSentence(low);
  return [{ verdict: limit < leastDescriptors ? "fail" : "warn", subject, finding, advice }];
}
