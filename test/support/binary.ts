// The compiled executable as a child process, as a user would start it: an empty folder, an empty home, and nothing of
// our environment. It is built first when it is missing or older than what it is made of.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");
export const binaryPath = join(root, "dist", "qwen-gateway");

/** Longest wait for a line, a state or an end; far beyond what a busy machine needs. */
const patienceMs = 15_000;

export interface BinaryProcess extends AsyncDisposable {
  /** Where it listens, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Lines of standard output, and of standard error, where the log goes. */
  readonly output: readonly string[];
  readonly errors: readonly string[];
  /** Resolves with the first line of either kind that fits, also when it was written before. */
  line(fits: (line: string) => boolean): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** The exit code; 128 and more after a signal. */
  readonly exited: Promise<number>;
}

/** Where a process runs. Its files outlive it, so that the next one finds them. */
export interface Place extends Disposable {
  /** The working directory, empty at first. */
  readonly folder: string;
  readonly home: string;
  /** The file that is started. */
  readonly executable: string;
}

export function createPlace(): Place {
  const base = mkdtempSync(join(tmpdir(), "qwen-gateway-e2e-"));
  const folder = join(base, "folder");
  const home = join(base, "home");
  mkdirSync(folder);
  mkdirSync(home);
  return {
    folder,
    home,
    executable: binaryPath,
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Starts a command that listens. @throws {Error} with all that it wrote, when it ends before it listens */
export async function startBinary(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  place: Omit<Place, typeof Symbol.dispose>,
): Promise<BinaryProcess> {
  const child = spawn(words, environment, place);
  const output: string[] = [];
  const errors: string[] = [];
  const changes = createChanges();
  const ended = Promise.all([
    collectLines(child.stdout, output, changes.tell),
    collectLines(child.stderr, errors, changes.tell),
    child.exited,
  ]).then(([, , exitCode]) => exitCode);
  void ended.then(changes.end);

  const line: BinaryProcess["line"] = (fits) =>
    changes.until(
      () => [...output, ...errors].find(fits),
      () => `no such line of ${words.join(" ")} among:\n${[...output, ...errors].join("\n")}`,
    );
  const startLine = await line((text) => startUrl(text) !== undefined);
  const url = startUrl(startLine)!;
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid,
    output,
    errors,
    line,
    kill: (signal) => child.kill(signal),
    exited: ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

export interface BinaryResult {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

/**
 * Runs a command to its end.
 * @param input what stands on standard input. @defaultValue nothing
 */
export async function runBinary(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  place: Omit<Place, typeof Symbol.dispose>,
  input?: string,
): Promise<BinaryResult> {
  const child = spawn(words, environment, place, input);
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  return { exitCode, output, errors };
}

function spawn(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  place: Omit<Place, typeof Symbol.dispose>,
  input?: string,
) {
  ensureBuilt();
  return Bun.spawn([place.executable, ...words], {
    cwd: place.folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: place.home, ...environment },
    stdio: [input === undefined ? "ignore" : new Blob([input]), "pipe", "pipe"],
  });
}

function startUrl(line: string): string | undefined {
  return /^(?:qwen-gateway \S+ listens|Emulated (?:Qwen|[a-z-]+)|Recorded upstream) on (http:\S+)$/.exec(line)?.[1];
}

async function collectLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  lines: string[],
  changed: () => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let tail = "";
  for await (const chunk of stream) {
    const pieces = (tail + decoder.decode(chunk, { stream: true })).split("\n");
    tail = pieces.pop() ?? "";
    lines.push(...pieces);
    changed();
  }
  if (tail !== "") lines.push(tail);
  changed();
}

/** Waits for a state that changes with events. */
function createChanges() {
  let hasEnded = false;
  let waiting: (() => void)[] = [];
  function tell(): void {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  }
  return {
    tell,
    end() {
      hasEnded = true;
      tell();
    },
    async until<T>(find: () => T | undefined, describe: () => string): Promise<T> {
      const deadlineMs = Date.now() + patienceMs;
      for (;;) {
        const found = find();
        if (found !== undefined) return found;
        if (hasEnded || Date.now() >= deadlineMs) throw new Error(describe());
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.push(resolve);
        const timer = setTimeout(resolve, deadlineMs - Date.now());
        await promise;
        clearTimeout(timer);
      }
    },
  };
}

let isBuilt = false;

/** Once a run: who edits while it runs starts it again. */
export function ensureBuilt(): void {
  if (isBuilt) return;
  isBuilt = true;
  const builtAtMs = existsSync(binaryPath) ? statSync(binaryPath).mtimeMs : 0;
  if (builtAtMs > newestSourceMs()) return;
  const build = Bun.spawnSync([process.execPath, join(root, "scripts", "build.ts")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (build.exitCode !== 0) throw new Error(`Cannot build the executable:\n${build.stderr.toString()}`);
}

function newestSourceMs(): number {
  const source = join(root, "src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).map((name) => join(source, name));
  for (const name of ["package.json", "bun.lock", "tsconfig.json", "scripts/build.ts"]) files.push(join(root, name));
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

/** Resolves as soon as `find` finds something: for states of another process, which can only be asked for. */
export async function eventually<T>(find: () => Promise<T | undefined>, describe: () => string): Promise<T> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (Date.now() >= deadlineMs) throw new Error(`This did not happen within ${patienceMs} ms: ${describe()}`);
    await Bun.sleep(5);
  }
}
