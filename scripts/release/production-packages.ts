// The packages that the program is made of: what package.json depends on, and what that depends on, as bun.lock has it.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "jsonc-parser";

export interface ProductionPackage {
  readonly name: string;
  readonly version: string;
  /** Where it is installed. */
  readonly folder: string;
  /** As the registry states it: algorithm, hyphen, base64. */
  readonly integrity: string;
  /** As its package.json says: an SPDX expression. Undefined: it says none. */
  readonly license: string | undefined;
  /** `name@version` of what it depends on. */
  readonly dependencies: readonly string[];
}

interface LockedManifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalPeers?: readonly string[];
}

interface Lock {
  readonly workspaces: Readonly<Record<string, LockedManifest>>;
  /** By path: "a" is installed on top, "a/b" within a. Values: name@version, registry, manifest, integrity. */
  readonly packages: Readonly<Record<string, readonly [string, string, LockedManifest, string]>>;
}

/**
 * Ordered by name, each version once.
 * @throws {Error} when one is not installed, or in another version
 */
export function listProductionPackages(root: string): readonly ProductionPackage[] {
  // Checked by what is asked of it below: a missing field is named there.
  const lock = parse(readFileSync(join(root, "bun.lock"), "utf8"), [], { allowTrailingComma: true }) as Lock;
  const found = new Map<string, ProductionPackage>();

  function visit(path: string): string {
    const entry = lock.packages[path]!;
    const [id, , manifest, integrity] = entry;
    if (found.has(id)) return id;
    const installed = readInstalled(root, path, id);
    const dependencies: string[] = [];
    found.set(id, { ...installed, integrity, dependencies });
    for (const name of namesOf(manifest)) {
      const next = findPath(lock, name, path);
      if (next !== undefined) dependencies.push(visit(next));
    }
    return id;
  }

  for (const name of namesOf({ dependencies: lock.workspaces[""]?.dependencies ?? {} })) {
    const path = findPath(lock, name, "");
    if (path === undefined) throw new Error(`Cannot list the packages: bun.lock lacks ${JSON.stringify(name)}`);
    visit(path);
  }
  return [...found.values()].sort((one, other) => compare(idOf(one), idOf(other)));
}

/** Such as "elysia@1.4.30". */
export function idOf({ name, version }: Pick<ProductionPackage, "name" | "version">): string {
  return `${name}@${version}`;
}

/** Of what package.json itself names. */
export function directDependencies(root: string): readonly string[] {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as LockedManifest;
  return Object.entries(dependencies ?? {}).map(([name, version]) => `${name}@${version}`);
}

/** Optional peers are what somebody else may bring; who brings one depends on it. */
function namesOf({ dependencies, optionalDependencies, peerDependencies, optionalPeers = [] }: LockedManifest) {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !optionalPeers.includes(name));
  return [...new Set([...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...peers])];
}

/** As a module is looked up: within the one that asks, then further out. Undefined: left out, for another system. */
function findPath(lock: Lock, name: string, from: string): string | undefined {
  const around = packageNames(from);
  for (let depth = around.length; depth >= 0; depth -= 1) {
    const path = [...around.slice(0, depth), name].join("/");
    if (lock.packages[path] !== undefined) return path;
  }
  return undefined;
}

/** "a/@b/c" to ["a", "@b/c"]. */
function packageNames(path: string): readonly string[] {
  return path.match(/@[^/]+\/[^/]+|[^/]+/g) ?? [];
}

function readInstalled(root: string, path: string, id: string) {
  const folder = join(root, "node_modules", packageNames(path).join("/node_modules/"));
  const file = join(folder, "package.json");
  const manifest: { name?: string; version?: string; license?: unknown } = existsSync(file)
    ? JSON.parse(readFileSync(file, "utf8"))
    : {};
  const { name = "", version = "", license } = manifest;
  if (`${name}@${version}` !== id) {
    throw new Error(`Cannot read ${id}: it is not installed in "${folder}", run bun install --frozen-lockfile`);
  }
  return { name, version, folder, license: typeof license === "string" ? license : undefined };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
