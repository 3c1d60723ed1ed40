// A PDF is read by a process of its own: nothing that a file makes its reader do holds up or ends the gateway. It may take a
// limited time and, on Linux, a limited memory; it knows none of the gateway's settings.

import { existsSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { ownProgram } from "../config/own-program.ts";
import { isCompiled } from "../config/version.ts";
import type { DocumentFile } from "./document-file.ts";
import type { PdfRefusal } from "./pdf-text.ts";
import { unreadable } from "./read-error.ts";
import { Slots } from "./slots.ts";

type ByteFile = Extract<DocumentFile, { readonly bytes: Uint8Array }>;

/** What a process may cost. */
export interface PdfLimits {
  readonly timeoutMs: number;
  /** Resident. */
  readonly memoryBytes: number;
}

export const defaultPdfLimits: PdfLimits = { timeoutMs: 60_000, memoryBytes: 1024 * 1024 * 1024 };

/** The first character of what the process says: text follows, or a refusal. */
export const marks = { text: "t", refusal: "r" } as const;

/** The word on the command line by which a process is a reader of PDFs. */
const pdfChildCommand = "read-pdf";

/** A fraction of a machine, however many files come at a time. */
const slots = new Slots(2);
const watchEveryMs = 50;
const niceness = 10;
const reasons: Readonly<Record<PdfRefusal | "long" | "large", string>> = {
  bomb: "is a PDF that unfolds to far more than it should",
  large: "is a PDF that takes too much memory to read",
  long: "is a PDF that takes too long to read",
  encrypted: "is an encrypted PDF; save a copy of it without a password",
  damaged: "is a PDF that is damaged, incomplete or none at all",
};

/** @throws {GatewayError} `invalid-request` for what cannot be read; or the reason of the signal. */
export async function readPdf(
  file: ByteFile,
  maxBytes: number,
  signal: AbortSignal,
  limits = defaultPdfLimits,
): Promise<string> {
  const command = childCommand();
  if (command === undefined) return await readWithout(file, maxBytes, signal);
  using _slot = await slots.take(signal);
  signal.throwIfAborted();
  const child = Bun.spawn([...command, pdfChildCommand, String(maxBytes)], {
    stdin: file.bytes,
    stdout: "pipe",
    stderr: "ignore",
    env: childEnvironment(),
  });
  using bounds = new Bounds(child, limits, signal);
  behindOthers(child.pid);
  const answer = await new Response(child.stdout).text();
  await child.exited;
  signal.throwIfAborted();
  if (answer.startsWith(marks.text) && child.exitCode === 0) return answer.slice(marks.text.length);
  throw unreadable(file, reasons[bounds.reached ?? refusalOf(answer.slice(marks.refusal.length))]);
}

/** Ends a process at its limits, with its signal, and when they are disposed of. */
class Bounds implements Disposable {
  /** By which it was ended. */
  reached: "long" | "large" | undefined;
  readonly #child: Bun.Subprocess;
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #watch: ReturnType<typeof setInterval>;

  constructor(child: Bun.Subprocess, { timeoutMs, memoryBytes }: PdfLimits, signal: AbortSignal) {
    this.#child = child;
    this.#signal = signal;
    this.#timer = setTimeout(() => this.#end("long"), timeoutMs);
    this.#watch = setInterval(() => {
      if (residentBytes(child.pid) > memoryBytes) this.#end("large");
    }, watchEveryMs);
    signal.addEventListener("abort", this.#kill, { once: true });
  }

  readonly #kill = (): void => this.#child.kill("SIGKILL");

  #end(why: "long" | "large"): void {
    this.reached ??= why;
    this.#kill();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.#signal.removeEventListener("abort", this.#kill);
    this.#kill();
  }
}

/** Undefined where there is no program of ours to start: the gateway is part of somebody's bundle. */
function childCommand(): readonly string[] | undefined {
  if (isCompiled) return [ownProgram()];
  const entry = join(import.meta.dir, "..", "boot.ts");
  return existsSync(entry) ? [process.execPath, entry] : undefined;
}

async function readWithout(file: ByteFile, maxBytes: number, signal: AbortSignal): Promise<string> {
  const { readPdfHere } = await import("./pdf-text.ts");
  const read = await readPdfHere(file.bytes, maxBytes, signal);
  if ("text" in read) return read.text;
  throw unreadable(file, reasons[read.refusal]);
}

/** What the runtime reads of its environment, and nothing of ours. */
function childEnvironment(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) => name.startsWith("BUN_") || name === "NODE_ENV");
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? ""]));
}

function behindOthers(pid: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended already, or the system has no such thing.
  }
}

/** 0 where the system does not say. */
function residentBytes(pid: number): number {
  try {
    // Not statm: that counts pages, and how large they are is the kernel's.
    const kibibytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** A process that died by itself was ended by its file. */
function refusalOf(said: string): PdfRefusal {
  return said === "bomb" || said === "encrypted" ? said : "damaged";
}
