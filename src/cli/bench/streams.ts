// Whole streams over the emulator, straight and through a gateway, each in a process of its own.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../config/load-config.ts";
import type { LoadFigures } from "./limits.ts";
import { median, percentile, row, rounded } from "./measure.ts";

const eventsPerStream = 40;
const paceMs = 100;
const ticksPerSecond = 100;
const pageKb = 4;

/** Longest that one answer may take, beyond what its pace makes of it. */
const patienceMs = 120_000;

export interface LoadOptions {
  /** For the data of the gateway. */
  readonly folder: string;
  readonly environment: Environment;
  /** Streams at a time, one run for each. */
  readonly counts: readonly number[];
}

export interface Load {
  /** The report, as it is measured. */
  readonly lines: AsyncGenerator<string>;
  /** Complete when the last line has come. */
  readonly figures: LoadFigures;
  /** Ends its processes at once: they would outlive this one. */
  stop(): void;
}

export function benchStreams(options: LoadOptions): Load {
  const children = new Set<Bun.Subprocess>();
  const figures: LoadFigures = {
    firstTokenRatio: 0,
    eventCpuUs: undefined,
    streamKb: undefined,
    lateMs: 0,
    brokenStreams: 0,
  };
  return {
    lines: measure(options, figures, children),
    figures,
    stop() {
      for (const child of children) child.kill("SIGKILL");
    },
  };
}

async function* measure(
  { folder, environment, counts }: LoadOptions,
  figures: LoadFigures,
  children: Set<Bun.Subprocess>,
): AsyncGenerator<string> {
  // A key or a limit of whoever runs this must not reach the bench.
  const { PATH, HOME } = environment;
  const base = { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) };
  await using emulator = await start(["emulate", "--port", "0", "--token-delay-ms", String(paceMs)], base, children);
  const settings = {
    ...base,
    PORT: "0",
    DATA_DIR: join(folder, "data"),
    QWEN_BASE_URL: emulator.url,
    QWEN_TOKEN: "bench",
    LOG_LEVEL: "error",
  };
  await using gateway = await start(["serve"], settings, children);
  const direct = await firstTokens(() => openDirect(emulator.url));
  const through = await firstTokens(() => openThrough(gateway.url));
  figures.firstTokenRatio = median(through) / median(direct);
  yield row("first token, straight from the emulator", `p50 ${rounded(median(direct), 2)} ms`);
  yield row(
    "first token, new chat, through the gateway",
    `p50 ${rounded(median(through), 2)} ms`,
    `${rounded(figures.firstTokenRatio, 2)} x`,
  );

  const idleKb = gateway.rssKb();
  for (const count of counts) {
    const before = gateway.cpuSeconds();
    const gaps: number[] = [];
    const open = Array.from({ length: count }, () => readStream(() => openThrough(gateway.url), gaps));
    await Bun.sleep((paceMs * eventsPerStream) / 2);
    const openKb = gateway.rssKb();
    const streams = await Promise.all(open);
    const after = gateway.cpuSeconds();
    const total = streams.reduce((sum, { chunks }) => sum + chunks, 0);
    const late = gaps.map((gap) => Math.max(0, gap - paceMs));
    const eventCpuUs = before === undefined || after === undefined ? undefined : ((after - before) / total) * 1e6;
    const streamKb = idleKb === undefined || openKb === undefined ? undefined : (openKb - idleKb) / count;
    const broken = streams.filter(({ isWhole }) => !isWhole).length;
    figures.eventCpuUs = worse(figures.eventCpuUs, eventCpuUs);
    figures.streamKb = worse(figures.streamKb, streamKb);
    figures.lateMs = Math.max(figures.lateMs, percentile(late, 0.99));
    figures.brokenStreams += broken;
    yield row(
      `${count} streams, 10 events a second each`,
      eventCpuUs === undefined ? "" : `${rounded(eventCpuUs)} us CPU/ev`,
      streamKb === undefined ? "" : `${rounded(streamKb)} KB/stream`,
    );
    yield row(
      "  an event later than its pace",
      `p50 ${rounded(median(late), 2)} ms`,
      `p99 ${rounded(percentile(late, 0.99), 2)} ms`,
    );
    if (broken > 0) yield row("  streams that broke off", String(broken));
  }
}

function worse(known: number | undefined, found: number | undefined): number | undefined {
  return known === undefined || found === undefined ? found : Math.max(known, found);
}

interface Running extends AsyncDisposable {
  readonly url: string;
  /** Undefined where there is no /proc. */
  cpuSeconds(): number | undefined;
  rssKb(): number | undefined;
}

/** This program once more, with other arguments. */
async function start(
  words: readonly string[],
  settings: Readonly<Record<string, string>>,
  children: Set<Bun.Subprocess>,
): Promise<Running> {
  const script = process.argv[1] ?? "";
  const isCompiled = script.startsWith("/$bunfs") || script.includes("~BUN");
  const command = [process.execPath, ...(isCompiled ? [] : [script]), ...words];
  const child = Bun.spawn(command, { env: settings, stdout: "pipe", stderr: "inherit" });
  children.add(child);
  const url = await announcedUrl(child.stdout);
  return {
    url,
    // utime and stime are fields 14 and 15; the name in field 2 holds no blank.
    cpuSeconds() {
      const fields = readFields(`/proc/${child.pid}/stat`);
      return fields && (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
    },
    rssKb() {
      const fields = readFields(`/proc/${child.pid}/statm`);
      return fields && Number(fields[1]) * pageKb;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

function readFields(path: string): readonly string[] | undefined {
  return existsSync(path) ? readFileSync(path, "utf8").split(" ") : undefined;
}

async function announcedUrl(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    // Of the line that says so, not of any other: a first start also tells where the page asks for the agent's token.
    const url = / on (http:\/\/\S+)$/m.exec(text.slice(0, text.lastIndexOf("\n") + 1))?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("a process of the bench ended before it listened");
}

const question = "count from 1 to 40";
const endOfStream = "data: [DONE]\n\n";

async function openThrough(url: string): Promise<Response> {
  const body = JSON.stringify({ messages: [{ role: "user", content: question }], stream: true });
  const headers = { "content-type": "application/json" };
  const signal = AbortSignal.timeout(paceMs * eventsPerStream + patienceMs);
  return fetch(`${url}/v1/chat/completions`, { method: "POST", body, headers, signal, proxy: false });
}

async function openDirect(url: string): Promise<Response> {
  const headers = { "content-type": "application/json", authorization: "Bearer bench" };
  const created = await fetch(`${url}/api/v2/chats/new`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      title: "b",
      models: ["qwen3-max"],
      chat_mode: "normal",
      chat_type: "t2t",
      timestamp: Date.now(),
    }),
  });
  // The emulator's own answer.
  const answer = (await created.json()) as { data: { id: string } };
  const chatId = answer.data.id;
  const message = {
    fid: crypto.randomUUID(),
    parentId: null,
    role: "user",
    content: question,
    chat_type: "t2t",
    feature_config: { thinking_enabled: false, output_schema: "phase" },
  };
  const body = JSON.stringify({
    stream: true,
    incremental_output: true,
    chat_id: chatId,
    chat_mode: "normal",
    model: "qwen3-max",
    parent_id: null,
    messages: [message],
    timestamp: 0,
  });
  return fetch(`${url}/api/v2/chat/completions?chat_id=${chatId}`, { method: "POST", headers, body });
}

/** Milliseconds from the request to the first text of its answer. */
async function firstTokens(open: () => Promise<Response>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    const response = await open();
    const decoder = new TextDecoder();
    // Leaving the loop cancels the stream.
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes('"content"')) break;
    }
    if (!text.includes('"content"')) throw new Error(`no answer came to the bench: status ${response.status}`);
    times.push(performance.now() - start);
  }
  return times;
}

interface ReadStream {
  readonly chunks: number;
  /** It came to its end, and said so. */
  readonly isWhole: boolean;
}

/** @param gaps the milliseconds between two chunks are added to it */
async function readStream(open: () => Promise<Response>, gaps: number[]): Promise<ReadStream> {
  const decoder = new TextDecoder();
  let chunks = 0;
  let tail = "";
  let lastAtMs: number | undefined;
  try {
    for await (const chunk of (await open()).body ?? []) {
      const nowMs = performance.now();
      if (lastAtMs !== undefined) gaps.push(nowMs - lastAtMs);
      lastAtMs = nowMs;
      chunks++;
      tail = (tail + decoder.decode(chunk, { stream: true })).slice(-endOfStream.length);
    }
  } catch {
    // Refused, cut off, or too late: it is counted.
    return { chunks, isWhole: false };
  }
  return { chunks, isWhole: tail === endOfStream };
}
