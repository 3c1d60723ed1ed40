// A captured exchange told as a timeline: who said what when, where nothing came, what was repeated, how it ended.

import { isJsonObject } from "../contract/json.ts";
import { type BytesLine, bytesOf, type CaptureFile, type CaptureLine, type RequestLine } from "./format.ts";

type Line = CaptureFile["lines"][number];

/** Silences from here on are told by themselves. */
const longGapMs = 1000;
const client = "client";

/** One sentence a line. */
export function explainCapture({ opening, lines }: CaptureFile): readonly string[] {
  const bodies = new Map<string, Body>();
  const told: string[] = [`${opening.requestId}, ${opening.startedAt}, qwen-gateway ${opening.gateway}`, ""];
  const names = namesOf(lines);
  const say = (atMs: number, who: string, what: string): void => {
    told.push(`${formatMs(atMs).padStart(10)}  ${who.padEnd(16)}  ${what}`);
  };
  let lastMs = 0;
  for (const line of lines) {
    if (line.atMs - lastMs >= longGapMs) say(lastMs, "", `... silence of ${formatMs(line.atMs - lastMs)}`);
    lastMs = line.atMs;
    const peer = line.type === "log" || line.type === "close" ? "gateway" : nameOf(line.call, names);
    tellLine(line, peer, bodies, say);
  }
  for (const body of bodies.values()) if (!body.isTold) say(body.lastMs, body.who, summaryOf(body));
  told.push("", ...verdictOf(lines));
  return told;
}

interface Body {
  readonly who: string;
  readonly of: "request" | "answer";
  readonly call: number | undefined;
  readonly firstMs: number;
  lastMs: number;
  chunks: number;
  bytes: number;
  longestGapMs: number;
  longestGapAtMs: number;
  isTold: boolean;
}

function tellLine(
  line: Line,
  peer: string,
  bodies: Map<string, Body>,
  say: (atMs: number, who: string, what: string) => void,
): void {
  switch (line.type) {
    case "request":
      return say(line.atMs, line.call === undefined ? client : "gateway", describeRequest(line, peer));
    case "answer":
      return say(
        line.atMs,
        senderOf("answer", line.call, peer),
        `answers ${line.status}${describeAnswer(line)}${toCall(line.call)}`,
      );
    case "bytes": {
      const isFirst = noteBytes(line, peer, bodies);
      if (isFirst && line.of === "answer")
        say(line.atMs, senderOf(line.of, line.call, peer), `first bytes${toCall(line.call)}`);
      return;
    }
    case "end": {
      const body = bodies.get(keyOf(line));
      const who = senderOf(line.of, line.call, peer);
      if (body !== undefined) {
        body.isTold = true;
        say(line.atMs, who, summaryOf(body));
      }
      if (line.how === "complete") return;
      return say(line.atMs, who, describeEnd(line, peer));
    }
    case "cut":
      return say(
        line.atMs,
        "capture",
        `cut: ${line.bytes} more bytes in ${plural(line.chunks, "chunk")} of the ${line.of}${toCall(line.call)} are not in this file`,
      );
    case "log":
      return say(line.atMs, "gateway", describeLog(line));
    case "close":
      return say(line.atMs, "capture", line.why === "ended" ? "closed: both sides were quiet" : "closed while it ran");
    default:
      return line satisfies never;
  }
}

function noteBytes(line: BytesLine, peer: string, bodies: Map<string, Body>): boolean {
  const size = bytesOf(line).length;
  const body = bodies.get(keyOf(line));
  if (body === undefined) {
    bodies.set(keyOf(line), {
      who: senderOf(line.of, line.call, peer),
      of: line.of,
      call: line.call,
      firstMs: line.atMs,
      lastMs: line.atMs,
      chunks: 1,
      bytes: size,
      longestGapMs: 0,
      longestGapAtMs: 0,
      isTold: false,
    });
    return true;
  }
  const gapMs = line.atMs - body.lastMs;
  if (gapMs > body.longestGapMs) {
    body.longestGapMs = gapMs;
    body.longestGapAtMs = body.lastMs;
  }
  body.lastMs = line.atMs;
  body.chunks++;
  body.bytes += size;
  return false;
}

function summaryOf({ of, call, firstMs, lastMs, chunks, bytes, longestGapMs, longestGapAtMs }: Body): string {
  const base = `${of === "request" ? "sent the request body" : "said"} ${plural(bytes, "byte")}${toCall(call)}`;
  if (chunks === 1) return base;
  const gap = longestGapMs > 0 ? `, longest gap ${formatMs(longestGapMs)} at ${formatMs(longestGapAtMs)}` : "";
  return `${base} in ${plural(chunks, "chunk")} over ${formatMs(lastMs - firstMs)}${gap}`;
}

function describeRequest(line: RequestLine, peer: string): string {
  const place = `${line.method} ${line.url}`;
  return line.call === undefined ? place : `asks ${peer}: ${place}${toCall(line.call)}`;
}

function describeAnswer({ headers }: Extract<CaptureLine, { type: "answer" }>): string {
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1];
  return type === undefined ? "" : ` ${type.split(";")[0]}`;
}

function describeEnd({ of, call, how, reason }: Extract<CaptureLine, { type: "end" }>, peer: string): string {
  const why = reason === undefined ? "" : `: ${reason}`;
  if (how === "failed") return `FAILED while the ${of} was under way${toCall(call)}${why}`;
  if (of === "request") return `the request was not read to its end${why}`;
  return call === undefined
    ? `the client left before the end${why}`
    : `${peer} was not read to its end${toCall(call)}${why}`;
}

function describeLog({ level, message, fields }: Extract<CaptureLine, { type: "log" }>): string {
  const values = Object.entries(fields).filter(([name]) => name !== "requestId" && name !== "component");
  const words = values.map(([name, value]) => `${name}=${String(value)}`).join(" ");
  return `${level === "info" ? "" : `${level.toUpperCase()} `}${message}${words === "" ? "" : ` (${words})`}`;
}

/** What a reader wants to know first, at the end, where the screen stops. */
function verdictOf(lines: readonly Line[]): string[] {
  const calls = lines.filter((line) => line.type === "request" && line.call !== undefined).length;
  const failures = lines.filter((line) => line.type === "end" && line.how === "failed").length;
  const cuts = lines.filter((line) => line.type === "cut").length;
  const end = lines.findLast((line) => line.type === "log" && isJsonObject(line.fields) && "outcome" in line.fields);
  const fields = end?.type === "log" ? end.fields : {};
  const figures = ["outcome", "kind", "attempts", "firstTokenMs", "totalMs", "inputTokens", "outputTokens"]
    .filter((name) => fields[name] !== undefined)
    .map((name) => `${name} ${String(fields[name])}`);
  const status = lines.find((line) => line.type === "answer" && line.call === undefined);
  const sentences = [
    `${plural(calls, "call")} to upstreams, ${failures} failed; the client was answered ${status?.type === "answer" ? status.status : "nothing"}.`,
  ];
  if (figures.length > 0) sentences.push(`${figures.join(", ")}.`);
  if (cuts > 0) sentences.push(`${plural(cuts, "body")} did not fit: the capture is not whole.`);
  if (lines.at(-1)?.type !== "close") sentences.push("The file ends early: it is not whole.");
  return sentences;
}

function namesOf(lines: readonly Line[]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of lines) {
    if (line.type === "request" && line.call !== undefined) names.set(line.call, line.upstream ?? "upstream");
  }
  return names;
}

function nameOf(call: number | undefined, names: ReadonlyMap<number, string>): string {
  return call === undefined ? client : (names.get(call) ?? "upstream");
}

/** Requests come from the client or the gateway, answers from the upstream or the gateway. */
function senderOf(of: "request" | "answer", call: number | undefined, peer: string): string {
  const isTheirs = (of === "request") === (call === undefined);
  return isTheirs ? peer : "gateway";
}

function toCall(call: number | undefined): string {
  return call === undefined ? "" : ` [call ${call}]`;
}

function keyOf({ of, call }: { readonly of: string; readonly call?: number }): string {
  return `${call ?? 0} ${of}`;
}

function plural(count: number, word: string): string {
  if (count === 1) return `1 ${word}`;
  return `${count} ${word.endsWith("y") ? `${word.slice(0, -1)}ies` : `${word}s`}`;
}

function formatMs(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}
