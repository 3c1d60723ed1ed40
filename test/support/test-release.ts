// A release for this machine, and what its tests start.

import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json";
import { hostTarget, type Target } from "../../scripts/release/targets.ts";
import type { Place } from "./binary.ts";

export const { version } = manifest;
export const root = join(import.meta.dir, "..", "..");
/** For everything that these tests write; they delete it. */
export const base = mkdtempSync(join(tmpdir(), "qwen-gateway-release-"));
export const host = requireHost();

export const hasDebian = host.debianArchitecture !== undefined && Bun.which("dpkg-deb") !== null;

/** Longest wait for a command; a release on a busy machine takes minutes. */
const patienceMs = 280_000;

export interface Outcome {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

/** In an empty home, with nothing of our environment. */
export async function attempt(
  command: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: join(base, "home"), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: patienceMs,
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode: child.exitCode, output, errors };
}

/** @throws {Error} with all that it wrote, when it fails */
export async function run(...words: Parameters<typeof attempt>): Promise<string> {
  const { exitCode, output, errors } = await attempt(...words);
  if (exitCode !== 0) throw new Error(`${words[0].join(" ")} ended with ${exitCode}: ${output}${errors}`);
  return output;
}

/** Below `base`. */
export function makeFolder(name: string): string {
  const folder = join(base, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A place where an executable is started: an empty folder, an empty home. */
export function placeOf(executable: string, name: string): Omit<Place, typeof Symbol.dispose> {
  return { folder: makeFolder(`${name}/folder`), home: makeFolder(`${name}/home`), executable };
}

/** One whole answer. */
export async function askToCount(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ messages: [{ role: "user", content: "Count from 1 to 5" }] }),
  });
  return response.text();
}

function requireHost(): Target {
  const target = hostTarget();
  if (target === undefined) throw new Error("This machine is none that releases are built for");
  return target;
}

/** @returns its folder */
export async function buildTestRelease(): Promise<string> {
  const release = join(base, "release");
  makeFolder("home");
  const words = ["--targets", "host", "--fast", "--repository", "example/qwen-gateway"];
  if (!hasDebian) words.push("--without", "debian");
  await run([process.execPath, "scripts/release.ts", "--outdir", release, ...words], root, {
    // The build looks for its own caches at home.
    HOME: process.env["HOME"] ?? base,
    SOURCE_DATE_EPOCH: "1790000000",
  });
  return release;
}
