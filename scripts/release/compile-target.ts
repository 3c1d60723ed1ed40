// One executable, by scripts/build.ts, and whether it is for the system that it is meant for.

import { closeSync, mkdirSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { hasTrueSignature } from "../macos-signature.ts";
import { executableName, type Target } from "./targets.ts";

/** @returns where it is. @throws {Error} that says which target failed, and how to go on without it */
export function compileTarget(root: string, target: Target, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const executable = join(folder, executableName(target));
  const command = ["scripts/build.ts", `--target=${target.compileTarget}`, "--outfile", executable];
  const build = Bun.spawnSync([process.execPath, ...command], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  if (build.exitCode !== 0) {
    throw new Error(
      `Cannot build ${target.name}: ${build.stderr.toString().trim()}\n` +
        `Bun's runtime for it comes from the npm registry. Leave it out by --targets, with the names of all others`,
    );
  }
  const kind = executableKind(firstBytes(executable, 1024));
  const expected = expectedKind(target);
  if (kind !== expected)
    throw new Error(`Cannot use what was built for ${target.name}: it is ${kind}, not ${expected}`);
  if (kind.startsWith("Mach-O") && !hasTrueSignature(readFileSync(executable))) {
    throw new Error(`Cannot use what was built for ${target.name}: its signature is not true, macOS would refuse it`);
  }
  return executable;
}

function expectedKind({ name }: Target): string {
  const cpu = name.includes("arm64") ? "arm64" : "x64";
  const format = name.startsWith("windows") ? "PE" : name.startsWith("darwin") ? "Mach-O" : "ELF";
  return `${format} ${cpu}`;
}

/** Machines, as each format numbers them. */
const elfMachines: ReadonlyMap<number, string> = new Map([
  [62, "x64"],
  [183, "arm64"],
]);
const machOMachines: ReadonlyMap<number, string> = new Map([
  [0x01000007, "x64"],
  [0x0100000c, "arm64"],
]);
const peMachines: ReadonlyMap<number, string> = new Map([
  [0x8664, "x64"],
  [0xaa64, "arm64"],
]);

/**
 * Such as "ELF arm64": by the magic numbers and the machine that executables begin with.
 * @param head at least 64 bytes
 */
export function executableKind(head: Uint8Array): string {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const cpu = (code: number, machines: ReadonlyMap<number, string>): string => machines.get(code) ?? `machine ${code}`;
  if (view.getUint32(0) === 0x7f454c46) return `ELF ${cpu(view.getUint16(18, true), elfMachines)}`;
  if (view.getUint32(0, true) === 0xfeedfacf) return `Mach-O ${cpu(view.getUint32(4, true), machOMachines)}`;
  if (view.getUint16(0) === 0x4d5a) {
    const at = view.getUint32(60, true);
    if (at + 6 <= head.byteLength) return `PE ${cpu(view.getUint16(at + 4, true), peMachines)}`;
  }
  return "no executable";
}

function firstBytes(path: string, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  const file = openSync(path, "r");
  try {
    readSync(file, bytes);
  } finally {
    closeSync(file);
  }
  return bytes;
}
