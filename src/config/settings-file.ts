// Files that hold settings, as text. A reload reads them again: what gives its text only once is refused, and what has no end.

import { readFileSync, type Stats, statSync } from "node:fs";
import { devNull } from "node:os";
import { codeOf, fileReasonOf } from "../contract/thrown.ts";

export type SettingsFile =
  | { readonly text: string }
  | { readonly reason: string; /** There is nothing of that name. */ readonly isMissing: boolean };

const maxMegabytes = 16;
const maxBytes = maxMegabytes * 1024 * 1024;

const notAgain = "it is a pipe or a device, which a reload could not read again; write its text to a file";
const missing = "there is no such file";

/** As a shell writes `<(command)`. The program replaces itself at its start, and such pipes end with that (boot.ts). */
const pipeOfShell = /^\/(?:dev|proc\/self)\/fd\/\d+$/;

export function readSettingsFile(path: string): SettingsFile {
  try {
    const found = statSync(path);
    if (found.isDirectory()) return refuse("it is a folder");
    if (!found.isFile() && !isNullDevice(path, found)) return refuse(notAgain);
    if (found.size > maxBytes) return refuse(`it is larger than ${maxMegabytes} MB`);
    return { text: readFileSync(path, "utf8") };
  } catch (error) {
    const code = codeOf(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") return refuse(fileReasonOf(error) ?? "it cannot be opened");
    return pipeOfShell.test(path) ? refuse(notAgain) : { reason: missing, isMissing: true };
  }
}

/** By whatever link: it stands for a file that holds nothing. */
function isNullDevice(path: string, { rdev }: Stats): boolean {
  return path === devNull || rdev === statSync(devNull).rdev;
}

function refuse(reason: string): SettingsFile {
  return { reason, isMissing: false };
}
