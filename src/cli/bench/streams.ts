// Whole streams over the emulator, straight and through a gateway, each in a process of its own.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../config/load-config.ts";
import { median, percentile, row, rounded } from "./measure.ts";

const eventsPerStream = 40;
const paceMs = 100;
const ticksPerSecond = 100;
const pageKb = 4;

export async function* benchStreams(folder: string, environment: Environment): AsyncGenerator<string> {
  // A key or a limit of whoever runs this must not reach the bench.
  const { PATH, HOME } = environment;
  const base = { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) };
  await using emulator = await start(["emulate", "--port", "0", "--token-delay-ms", String(paceMs)], base);
  const settings = {
    ...base,
    PORT: "0",
    DATA_DIR: join(folder, "data"),
    QWEN_BASE_URL: emulator.url,
    QWEN_TOKEN: "bench",
    LOG_LEVEL: "error",
  };
  await using gateway = await start(["serve"], settings);
  const direct = await firstTokens(() => openDirect(emulator.url));
  const through = await firstTokens(() => openThrough(gateway.url));
  yield row("first token, straight from the emulator", `p50 ${rounded(median(direct), 2)} ms`);
  yield row(
    "first token, new chat, through the gateway",
    `p50 ${rounded(median(through), 2)} ms`,
    `${rounded(median(through) / median(direct), 2)} x`,
  );

  const idleKb = gateway.rssKb();
  for (const count of [100, 1000]) {
    const before = gateway.cpuSeconds();
    const events: number[] = [];
    const open = Array.from({ length: count }, async () => readStream(await openThrough(gateway.url), events));
    await Bun.sleep((paceMs * eventsPerStream) / 2);
    const openKb = gateway.rssKb();
    const counts = await Promise.all(open);
    const total = counts.reduce((sum, one) => sum + one, 0);
    const late = events.map((gap) => Math.max(0, gap - paceMs));
    yield row(
      `${count} streams, 10 events a second each`,
      `${rounded(((gateway.cpuSeconds() - before) / total) * 1e6)} us CPU/ev`,
      `${rounded((openKb - idleKb) / count)} KB/stream`,
    );
    yield row(
      "  an event later than its pace",
      `p50 ${rounded(median(late), 2)} ms`,
      `p99 ${rounded(percentile(late, 0.99), 2)} ms`,
    );
  }
}

interface Running extends AsyncDisposable {
  readonly url: string;
  cpuSeconds(): number;
  rssKb(): number;
}

/** This program once more, with other arguments. */
async function start(words: readonly string[], settings: Readonly<Record<string, string>>): Promise<Running> {
  const script = process.argv[1] ?? "";
  const isCompiled = script.startsWith("/$bunfs") || script.includes("~BUN");
  const command = [process.execPath, ...(isCompiled ? [] : [script]), ...words];
  const child = Bun.spawn(command, { env: settings, stdout: "pipe", stderr: "inherit" });
  const url = await announcedUrl(child.stdout);
  return {
    url,
    // utime and stime are fields 14 and 15; the name in field 2 holds no blank.
    cpuSeconds() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ");
      return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
    },
    rssKb: () => Number(readFileSync(`/proc/${child.pid}/statm`, "utf8").split(" ")[1]) * pageKb,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function announcedUrl(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    const url = /http:\/\/\S+/.exec(text)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error("a process of the bench ended before it listened");
}

const question = "count from 1 to 40";

async function openThrough(url: string): Promise<Response> {
  const body = JSON.stringify({ messages: [{ role: "user", content: question }], stream: true });
  return fetch(`${url}/v1/chat/completions`, { method: "POST", body, headers: { "content-type": "application/json" } });
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
    for await (const chunk of response.body ?? []) if (decoder.decode(chunk).includes('"content"')) break;
    times.push(performance.now() - start);
  }
  return times;
}

/** @returns how many chunks came; the gaps between them are added to `gaps` */
async function readStream(response: Response, gaps: number[]): Promise<number> {
  let count = 0;
  let lastAtMs: number | undefined;
  for await (const _chunk of response.body ?? []) {
    const nowMs = performance.now();
    if (lastAtMs !== undefined) gaps.push(nowMs - lastAtMs);
    lastAtMs = nowMs;
    count++;
  }
  return count;
}
