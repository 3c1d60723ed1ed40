// The upstream of a capture: answers as it did, chunk by chunk and in its time. What was not recorded, such as a list of
// models, an emulator answers.

import { bytesOf, type CaptureFile, type Wire } from "../capture/format.ts";
import { brokenConnection } from "./broken-connection.ts";

export interface RecordedUpstreamOptions {
  readonly file: CaptureFile;
  /** How many times as fast as it was. 0: without any wait */
  readonly speed: number;
  /** Answers what was not recorded, in the form of this kind of server. */
  fallback(wire: Wire, request: Request): Promise<Response>;
}

export interface RecordedUpstream {
  fetch(request: Request): Promise<Response>;
  /** Kinds of servers that were asked. */
  readonly wires: readonly Wire[];
  /** What stands in front of `/chat/completions` and the like at a server of OpenAI's protocol. */
  readonly basePath: string;
  /** Models that were asked for. */
  readonly models: readonly string[];
  /** Calls whose answer is not in the file as a whole. */
  readonly cutCalls: readonly number[];
}

type Line = CaptureFile["lines"][number];

interface RecordedCall {
  readonly call: number;
  readonly method: string;
  readonly path: string;
  readonly wire: Wire;
  readonly askedAtMs: number;
  readonly lines: Line[];
}

/** Of the connection and not of the answer, or no longer true of it. */
const droppedHeaders =
  /^(?:connection|keep-alive|transfer-encoding|content-length|content-encoding|date|set-cookie|upgrade|trailer)$/i;
/** What was written just before would be lost with an error at once. */
const goingOutMs = 20;
const endpoints = /\/(?:chat\/completions|completions|embeddings|rerank|models|images\/generations|audio\/\w+)$/;

export function createRecordedUpstream(options: RecordedUpstreamOptions): RecordedUpstream {
  const { file, speed, fallback } = options;
  const calls = readCalls(file.lines);
  const wires = [...new Set(calls.map(({ wire }) => wire))];
  /** Of each place, the answers that were not given yet, the last of them for good. */
  const waiting = new Map<string, RecordedCall[]>();
  for (const call of calls) {
    const key = `${call.method} ${call.path}`;
    waiting.set(key, [...(waiting.get(key) ?? []), call]);
  }

  function take(key: string): RecordedCall | undefined {
    const left = waiting.get(key);
    return left !== undefined && left.length > 1 ? left.shift() : left?.[0];
  }

  return {
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const call = take(`${request.method} ${pathname}`);
      if (call !== undefined) return await answer(call, speed, request.signal);
      const [only, other] = wires;
      if (only !== undefined && other === undefined) return await fallback(only, request);
      return await fallback(pathname.startsWith("/api/") ? "qwen-web" : "openai-compatible", request);
    },
    wires,
    basePath:
      calls
        .find(({ wire, path }) => wire === "openai-compatible" && endpoints.test(path))
        ?.path.replace(endpoints, "") ?? "/v1",
    models: [...new Set(calls.flatMap(modelOf))],
    cutCalls: calls.filter(({ lines }) => lines.some(isCut)).map(({ call }) => call),
  };
}

function readCalls(lines: readonly Line[]): RecordedCall[] {
  const calls = new Map<number, RecordedCall>();
  for (const line of lines) {
    if (line.type === "log" || line.type === "close" || line.call === undefined) continue;
    if (line.type !== "request") {
      calls.get(line.call)?.lines.push(line);
      continue;
    }
    const { call, method, url, wire = "openai-compatible", atMs } = line;
    const path = new URL(url, "http://localhost").pathname;
    calls.set(call, { call, method, path, wire, askedAtMs: atMs, lines: [] });
  }
  return [...calls.values()];
}

function isCut(line: Line): boolean {
  return line.type === "cut" && line.of === "answer";
}

async function answer(call: RecordedCall, speed: number, signal: AbortSignal): Promise<Response> {
  const startedAtMs = performance.now();
  const until = (atMs: number): Promise<void> => {
    if (speed === 0) return Promise.resolve();
    return sleepUntil(startedAtMs + (atMs - call.askedAtMs) / speed, signal);
  };
  const head = call.lines.find((line) => line.type === "answer");
  if (head?.type !== "answer") {
    const end = call.lines.find((line) => line.type === "end");
    if (end !== undefined) await until(end.atMs);
    // Its reader gave up before it answered: nothing comes until this one does.
    if (end?.type === "end" && end.how === "given-up") await sleepUntil(Number.POSITIVE_INFINITY, signal);
    return brokenConnection(undefined);
  }
  await until(head.atMs);
  const headers = head.headers.filter(([name]) => !droppedHeaders.test(name)).map(([name, value]) => [name, value]);
  const hasBody = call.lines.some((line) => line.type === "bytes" && line.of === "answer");
  const init = { status: head.status, headers: headers as [string, string][] };
  return new Response(hasBody ? bodyOf(call, until, signal) : null, init);
}

function bodyOf(
  { lines }: RecordedCall,
  until: (atMs: number) => Promise<void>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const left = lines.filter((line) => "of" in line && line.of === "answer");
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const line = left.shift();
        if (line === undefined) return controller.close();
        await until(line.atMs);
        if (line.type === "bytes") return controller.enqueue(bytesOf(line));
        // What follows is not known: nobody may take it for an end.
        if (line.type === "cut" || (line.type === "end" && line.how === "failed")) {
          await sleepUntil(performance.now() + goingOutMs, signal);
          return controller.error();
        }
        // Its reader gave up here: nothing further comes until this one does.
        if (line.type === "end" && line.how === "given-up") await sleepUntil(Number.POSITIVE_INFINITY, signal);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** @param atMs on the clock of `performance`. @returns early when the signal is aborted */
function sleepUntil(atMs: number, signal: AbortSignal): Promise<void> {
  const ms = atMs - performance.now();
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = Number.isFinite(ms) ? setTimeout(done, Math.min(ms, 2_147_483_647)) : undefined;
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}

function modelOf({ lines }: RecordedCall): string[] {
  const bodies = lines.filter((line) => line.type === "bytes" && line.of === "request");
  const text = bodies.map((line) => (line.type === "bytes" ? Buffer.from(bytesOf(line)).toString() : "")).join("");
  const model = /"model"\s*:\s*"([^"\\]{1,200})"/.exec(text)?.[1];
  return model === undefined ? [] : [model];
}
