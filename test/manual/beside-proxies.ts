// Proxies beside one another, in front of the same emulated server: whole streams, CPU and memory of each, in turns, so that
// a moment in which the machine is busy hits all of them. How it is run: docs/performance.md.

import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { median, row, rounded } from "../../src/cli/bench/measure.ts";

const ticksPerSecond = 100;
const pageKb = 4;

interface Target {
  readonly name: string;
  /** With `/v1`. */
  readonly baseUrl: string;
  /** Of the proxy, whose children count with it; undefined: its CPU and memory are not told. */
  readonly pid: number | undefined;
}

interface Round {
  readonly whole: number;
  readonly firstTokenMs: number;
  readonly cpuUsPerEvent: number | undefined;
  readonly kbPerStream: number | undefined;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    streams: { type: "string", default: "200" },
    rounds: { type: "string", default: "3" },
    model: { type: "string", default: "Qwen/Qwen3.6-27B" },
    key: { type: "string", default: "none" },
  },
});
const streams = Number(values.streams);
const targets = positionals.map(parseTarget);
if (targets.length === 0) {
  console.error(
    "Usage: bun test/manual/beside-proxies.ts NAME=http://127.0.0.1:PORT/v1[,PID] ... [--streams N --rounds N]",
  );
  process.exit(2);
}

const results = new Map<string, Round[]>(targets.map(({ name }) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const target of round % 2 === 0 ? targets : targets.toReversed())
    results.get(target.name)!.push(await run(target));
}
for (const [name, rounds] of results) {
  const told = (pick: (round: Round) => number | undefined, unit: string): string => {
    const figures = rounds.map(pick).filter((figure) => figure !== undefined);
    return figures.length === 0 ? `- ${unit}` : `${rounded(median(figures))} ${unit}`;
  };
  console.log(
    row(
      name,
      told(({ whole }) => whole, `of ${streams} whole`),
      told(({ firstTokenMs }) => firstTokenMs, "ms to the first word"),
      told(({ cpuUsPerEvent }) => cpuUsPerEvent, "us CPU/event"),
      told(({ kbPerStream }) => kbPerStream, "KB/stream"),
    ),
  );
}

function parseTarget(text: string): Target {
  const [, name, baseUrl, pid] = /^([^=]+)=(http[^,]+?)\/?(?:,(\d+))?$/.exec(text) ?? [];
  if (name === undefined || baseUrl === undefined)
    throw new Error(`Cannot read "${text}": it is no NAME=URL or NAME=URL,PID`);
  return { name, baseUrl, pid: pid === undefined ? undefined : Number(pid) };
}

async function run(target: Target): Promise<Round> {
  const before = usageOf(target.pid);
  let mostKb = before?.rssKb ?? 0;
  const replies = Array.from({ length: streams }, () => readReply(target));
  const half = Math.floor(streams / 2);
  let begun = 0;
  for (const { begins } of replies) {
    void begins.then(() => {
      begun++;
      if (begun > half) mostKb = Math.max(mostKb, usageOf(target.pid)?.rssKb ?? 0);
    });
  }
  const ended = await Promise.all(replies.map(({ ends }) => ends));
  const after = usageOf(target.pid);
  const events = ended.reduce((sum, reply) => sum + reply.events, 0);
  return {
    whole: ended.filter(({ isWhole }) => isWhole).length,
    firstTokenMs: median(ended.map(({ firstMs }) => firstMs)),
    cpuUsPerEvent: before && after && ((after.cpuSeconds - before.cpuSeconds) / Math.max(1, events)) * 1e6,
    kbPerStream: before && (mostKb - before.rssKb) / streams,
  };
}

interface Reply {
  readonly events: number;
  readonly firstMs: number;
  /** Forty numbers in their order, and the end. */
  readonly isWhole: boolean;
}

function readReply({ baseUrl }: Target): { readonly begins: Promise<void>; readonly ends: Promise<Reply> } {
  const { promise: begins, resolve } = Promise.withResolvers<void>();
  const ends = (async (): Promise<Reply> => {
    const startedAt = performance.now();
    let firstMs = Number.POSITIVE_INFINITY;
    let events = 0;
    let text = "";
    try {
      const response = await fetch(`${baseUrl}/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${values.key}` },
        body: JSON.stringify({
          model: values.model,
          stream: true,
          messages: [{ role: "user", content: "Count from 1 to 40" }],
        }),
        signal: AbortSignal.timeout(120_000),
      });
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        if (firstMs === Number.POSITIVE_INFINITY) firstMs = performance.now() - startedAt;
        resolve();
        text += chunk;
        events += chunk.split("\n\n").length - 1;
      }
    } catch {
      // A stream that fails is not whole, which is the figure.
    }
    resolve();
    const said = [...text.matchAll(/"content":"((?:[^"\\]|\\.)*)"/g)].map(([, piece]) => piece).join("");
    const numbers = Array.from({ length: 40 }, (_, index) => index + 1).join(" ");
    return { events, firstMs, isWhole: said.includes(numbers) && text.trimEnd().endsWith("data: [DONE]") };
  })();
  return { begins, ends };
}

/** Of a process and its children; undefined where it has no number, or is gone. */
function usageOf(pid: number | undefined): { readonly cpuSeconds: number; readonly rssKb: number } | undefined {
  if (pid === undefined) return undefined;
  try {
    // utime and stime are fields 14 and 15, counted behind the name, which may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    let cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    let rssKb = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * pageKb;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
      for (const child of children === "" ? [] : children.split(" ")) {
        const usage = usageOf(Number(child));
        cpuSeconds += usage?.cpuSeconds ?? 0;
        rssKb += usage?.rssKb ?? 0;
      }
    }
    return { cpuSeconds, rssKb };
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
