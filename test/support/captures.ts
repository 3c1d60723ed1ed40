// The captures of a folder, read when they are there.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesOf, type CaptureFile, parseCapture } from "../../src/capture/format.ts";
import { eventually } from "./binary.ts";

export interface ReadCapture {
  readonly path: string;
  readonly text: string;
  readonly file: CaptureFile;
}

/** Resolves with the captures of exchanges with this path as soon as there are so many, the oldest first. */
export function capturesOf(folder: string, path: string, count = 1): Promise<readonly ReadCapture[]> {
  return eventually(
    async () => {
      const found = readAll(folder).filter(({ file }) => clientPath(file) === path);
      return found.length >= count ? found : undefined;
    },
    () => `${count} captures of ${path} in ${folder}`,
  );
}

export function readAll(folder: string): readonly ReadCapture[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .map((name) => {
      const full = join(folder, name);
      const text = readFileSync(full, "utf8");
      return { path: full, text, file: parseCapture(text) };
    });
}

/** A body, joined. @param call undefined: the client's */
export function capturedBody(file: CaptureFile, of: "request" | "answer", call?: number): string {
  const chunks = file.lines.flatMap((line) =>
    line.type === "bytes" && line.of === of && line.call === call ? [bytesOf(line)] : [],
  );
  return Buffer.concat(chunks).toString();
}

/** The numbers of the calls whose address ends so. */
export function callsTo(file: CaptureFile, ending: string): number[] {
  return file.lines.flatMap((line) =>
    line.type === "request" && line.call !== undefined && (line.url.split("?")[0] ?? "").endsWith(ending)
      ? [line.call]
      : [],
  );
}

function clientPath(file: CaptureFile): string | undefined {
  const line = file.lines.find((one) => one.type === "request" && one.call === undefined);
  return line?.type === "request" ? line.url : undefined;
}
