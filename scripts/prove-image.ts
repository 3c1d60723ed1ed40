// Proves the image without a container engine: runs dist/qwen-gateway in a chroot that holds only the files that the
// image would, read-only but for /data, as uid 65532, in a network of its own. Wants root on Linux; else it is skipped.

import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { builtInRuntimeVariables, runtimeVariables } from "../src/cli/runtime-variables.ts";

const userId = 65532;
const urlInside = "http://127.0.0.1:8787";
const timeLimitMs = 10_000;
const binary = join(import.meta.dir, "..", "dist", "qwen-gateway");

/** As in the Dockerfile. */
const environment = {
  HOST: "0.0.0.0",
  DATA_DIR: "/data",
  GENERATE_API_KEY: "true",
  ...runtimeVariables,
  ...builtInRuntimeVariables,
};

if (process.argv[2] === "--inside") await prove();
else process.exit(enter());

/** Starts this script again with mounts and a network that nobody else sees. */
function enter(): number {
  const missing = ["unshare", "mount", "chroot", "ldd", "ip"].filter((tool) => Bun.which(tool) === null);
  if (process.platform !== "linux" || process.getuid?.() !== 0 || missing.length > 0) {
    console.log(
      `Skipped: this proof needs root on Linux and the tools unshare, mount, chroot, ldd, ip (missing: ${missing})`,
    );
    return 0;
  }
  if (!existsSync(binary)) {
    console.error("Cannot prove the image: dist/qwen-gateway is missing, run the build first");
    return 1;
  }
  const isolated = ["unshare", "--mount", "--propagation", "private", "--net"];
  const words = [...isolated, process.execPath, import.meta.path, "--inside"];
  return Bun.spawnSync(words, { stdio: ["ignore", "inherit", "inherit"] }).exitCode;
}

async function prove(): Promise<void> {
  run("ip", "link", "set", "lo", "up");
  const root = mkdtempSync(join(tmpdir(), "qwen-gateway-image-"));
  let gateway: Gateway | undefined;
  try {
    assemble(root);
    gateway = await start(root);
    check(
      "it runs as uid 65532",
      readFileSync(`/proc/${gateway.pid}/status`, "utf8").includes(`Uid:\t${userId}\t${userId}`),
    );
    check("/health answers 200", (await get("/health")) === 200);
    check("healthcheck ends with 0", runInside(root, "healthcheck").exitCode === 0);

    const file = join(root, "data", "api-key");
    const key = readFileSync(file, "utf8").trim();
    check("the key file has mode 0600", (statSync(file).mode & 0o777) === 0o600);
    check("the generated key was printed once", gateway.output().split(key).length === 2);
    check("the key is required", (await get("/v1/models")) === 401);
    check("the key opens", (await get("/v1/models", key)) === 200);
    check(
      "the database is in /data",
      readdirSync(join(root, "data")).some((name) => isDatabase(join(root, "data", name))),
    );
    check("everything but /data is read-only", !isWritable(root) && isWritable(join(root, "data")));

    const opening = { role: "user", content: "My ship is called Beagle." };
    const question = { role: "user", content: "What is my ship called?" };
    const first = await converse(key, [opening]);
    check("an answer is streamed to its end", first.isComplete && first.text !== "");
    const history = [opening, { role: "assistant", content: first.text }, question];
    check("the next turn remembers", (await converse(key, history)).text.includes("Beagle"));
    gateway.kill();
    await gateway.ended;
    gateway = await start(root);
    check("after kill -9 the sessions are there", (await sessionCount(key)) === 1);
    check("after kill -9 the conversation goes on", (await converse(key, history)).text.includes("Beagle"));

    let stopped: Promise<number> | undefined;
    const stop = gateway.stop;
    const last = await converse(key, [{ role: "user", content: "Count from 1 to 50" }], () => {
      stopped = stop();
    });
    check("SIGTERM lets a running stream end", last.isComplete && last.text.endsWith(" 49 50"));
    check("SIGTERM ends it with 0", (await stopped) === 0);

    check("healthcheck of a stopped gateway ends with 1", runInside(root, "healthcheck").exitCode === 1);
    gateway = await start(root);
    check("a second start keeps the key", (await get("/v1/models", key)) === 200);
    check("a second start does not print it", !gateway.output().includes(key));
    check("SIGTERM ends it with 0 again", (await gateway.stop()) === 0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (gateway !== undefined) console.error(gateway.output());
    process.exitCode = 1;
  } finally {
    gateway?.kill();
    for (const mounted of ["proc", "data", ""])
      Bun.spawnSync(["umount", "--lazy", join(root, mounted)], { stderr: "ignore" });
    rmSync(root, { recursive: true, force: true });
  }
}

/** The executable, the libraries that it names, an empty /data, and the /proc that every container engine mounts. */
function assemble(root: string): void {
  chmodSync(root, 0o755);
  copyFileSync(binary, join(root, "qwen-gateway"));
  const libraries = [...run("ldd", binary).matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
  for (const library of libraries) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  mkdirSync(join(root, "proc"));
  mkdirSync(join(root, "data"));
  chownSync(join(root, "data"), userId, userId);

  run("mount", "--bind", root, root);
  run("mount", "--bind", join(root, "data"), join(root, "data"));
  run("mount", "-t", "proc", "proc", join(root, "proc"));
  run("mount", "-o", "remount,bind,ro", root);
  console.log(`The image holds /qwen-gateway, /data and ${libraries.length} libraries: ${libraries.join(" ")}`);
}

interface Gateway {
  readonly pid: number;
  output(): string;
  stop(): Promise<number>;
  kill(): void;
  readonly ended: Promise<unknown>;
}

async function start(root: string): Promise<Gateway> {
  const child = Bun.spawn(commandInside(root), { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const ready = Promise.withResolvers<void>();
  async function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      if (output.includes("listens on")) ready.resolve();
    }
  }
  const ended = Promise.all([collect(child.stdout), collect(child.stderr), child.exited]);
  const failed = ended.then(() => Promise.reject(new Error(`Cannot start: exit code ${child.exitCode}\n${output}`)));
  await within(Promise.race([ready.promise, failed]), "start");
  // From here on the end is expected.
  failed.catch(() => {});
  return {
    pid: child.pid,
    output: () => output,
    ended,
    kill: () => child.kill("SIGKILL"),
    async stop() {
      child.kill("SIGTERM");
      await within(ended, "end");
      return child.exitCode ?? -1;
    },
  };
}

function commandInside(root: string, ...words: string[]): string[] {
  // By its path: the program's environment, in which it is started, has none.
  const chroot = Bun.which("chroot") ?? "chroot";
  return [chroot, `--userspec=${userId}:${userId}`, `--groups=${userId}`, root, "/qwen-gateway", ...words];
}

function runInside(root: string, ...words: string[]) {
  return Bun.spawnSync(commandInside(root, ...words), { env: environment, stdio: ["ignore", "ignore", "ignore"] });
}

/** Streams an answer; `onBegin` hears of its first words. */
async function converse(
  key: string,
  messages: readonly { readonly role: string; readonly content: string }[],
  onBegin: () => void = () => {},
): Promise<{ readonly text: string; readonly isComplete: boolean }> {
  const response = await fetch(`${urlInside}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages, stream: true }),
    signal: AbortSignal.timeout(timeLimitMs),
    proxy: false,
  });
  if (response.body === null) throw new Error("Cannot read the answer: it has no body");
  const decoder = new TextDecoder();
  let frames = "";
  for await (const chunk of response.body) {
    if (frames === "") onBegin();
    frames += decoder.decode(chunk, { stream: true });
  }
  const deltas = [...frames.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)].map((match) => String(JSON.parse(match[1]!)));
  return { text: deltas.join(""), isComplete: frames.endsWith("data: [DONE]\n\n") };
}

async function sessionCount(key: string): Promise<number> {
  const signal = AbortSignal.timeout(timeLimitMs);
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${urlInside}/v1/sessions`, { headers, signal, proxy: false });
  return (await response.text()).split('"object":"session"').length - 1;
}

/** Asked as root, whom no permission stops: only the mount can. */
function isWritable(folder: string): boolean {
  const file = join(folder, "written");
  try {
    writeFileSync(file, "");
  } catch {
    return false;
  }
  unlinkSync(file);
  return true;
}

async function get(path: string, key?: string): Promise<number> {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const signal = AbortSignal.timeout(timeLimitMs);
  const response = await fetch(`${urlInside}${path}`, { headers, signal, proxy: false });
  await response.arrayBuffer();
  return response.status;
}

function isDatabase(path: string): boolean {
  return readFileSync(path).subarray(0, 15).toString("latin1") === "SQLite format 3";
}

function check(what: string, holds: boolean): void {
  if (!holds) throw new Error(`not ok: ${what}`);
  console.log(`ok: ${what}`);
}

function run(...words: string[]): string {
  const result = Bun.spawnSync(words, { stdio: ["ignore", "pipe", "pipe"] });
  if (result.exitCode !== 0) throw new Error(`Cannot run "${words.join(" ")}": ${result.stderr.toString().trim()}`);
  return result.stdout.toString();
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const timer = Promise.withResolvers<never>();
  const handle = setTimeout(() => timer.reject(new Error(`No ${what} within ${timeLimitMs} ms`)), timeLimitMs);
  try {
    return await Promise.race([promise, timer.promise]);
  } finally {
    clearTimeout(handle);
  }
}
