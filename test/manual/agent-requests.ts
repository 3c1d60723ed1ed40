// What requests of coding agents cost the gateway: bun test/manual/agent-requests.ts. The executable, an emulator without delay
// in a process of its own, and the CPU time of the gateway's threads as Linux counts it. First a request of 100 KB beside a tiny
// one, on each surface; then sessions of 200 turns: their first and their last twenty turns, and what is left of a turn without
// receiving its body and parsing it once, which another process does with the same bodies.

import { readdirSync, readFileSync } from "node:fs";
import { startStage } from "../e2e/stage.ts";

const runs = 60;
const warmUps = 150;
const turns = 200;
/** So many at the beginning and at the end of a session are measured. */
const measuredTurns = 20;
const sessions = 4;
const rounds = 3;

/** As agents write them: long descriptions, schemas with many fields. */
const tools = Array.from({ length: 14 }, (_, at) => ({
  name: `tool_${at}`,
  description: `Does the ${at}th thing. ${"It reads what is there, changes it carefully, and tells what it has done. ".repeat(25)}`,
  parameters: {
    type: "object",
    properties: Object.fromEntries(
      Array.from({ length: 8 }, (__, field) => [
        `field_${field}`,
        { type: "string", description: "What it is about, in a sentence or two that leave nothing open." },
      ]),
    ),
    required: ["field_0"],
  },
}));
const system = "You are a coding agent. You work in a repository, carefully and in small steps. ".repeat(250);

interface Said {
  readonly role: string;
  readonly content: string;
}

const surfaces = {
  "/v1/chat/completions": (messages: readonly Said[]) => ({
    messages: [{ role: "system", content: system }, ...messages],
    tools: tools.map((tool) => ({ type: "function", function: tool })),
  }),
  "/v1/responses": (messages: readonly Said[]) => ({
    instructions: system,
    input: messages,
    store: false,
    tools: tools.map((tool) => ({ type: "function", ...tool })),
  }),
  "/v1/messages": (messages: readonly Said[]) => ({
    max_tokens: 1000,
    system,
    messages,
    tools: tools.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters })),
  }),
} as const;
type Path = keyof typeof surfaces;
const paths = Object.keys(surfaces) as Path[];

await using stage = await startStage({ environment: { LOG_LEVEL: "warn" } });

/** Of all its threads, in milliseconds. @see https://docs.kernel.org/scheduler/sched-stats.html */
function cpuMs(pid = stage.gateway.pid): number {
  const folder = `/proc/${pid}/task`;
  const spent = readdirSync(folder).map((task) =>
    Number(readFileSync(`${folder}/${task}/schedstat`, "utf8").split(" ")[0]),
  );
  return spent.reduce((sum, ns) => sum + ns, 0) / 1e6;
}

async function ask(path: Path, body: string): Promise<string> {
  const response = await stage.post(path, body);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

async function cpuPerRequest(path: Path, body: (at: number) => string, count: number): Promise<number> {
  const before = cpuMs();
  for (let at = 0; at < count; at++) await ask(path, body(at));
  return (cpuMs() - before) / count;
}

function parseMs(body: string): number {
  const startedAtMs = performance.now();
  for (let at = 0; at < 20; at++) JSON.parse(body);
  return (performance.now() - startedAtMs) / 20;
}

const shown = (ms: number): string => `${ms.toFixed(2)} ms`;
const model = "qwen3-max";
const said = (text: string): Said => ({ role: "user", content: text });

for (const path of paths) {
  const fill = "function work(input: string): string {\n  return input.trim(); // 1234\n}\n";
  const large = (at: number): string => {
    const question = `Say ok ${at}\n\n${fill.repeat(480)}`;
    return JSON.stringify({ model, stream: true, ...surfaces[path]([said(question)]) });
  };
  const tiny = (at: number): string => {
    const { max_tokens: _, ...body } = { max_tokens: 9, ...surfaces[path]([said(`Say ok ${at}`)]) };
    const bare = { ...body, tools: undefined, system: undefined, instructions: undefined };
    const messages = "messages" in bare ? { messages: [said(`Say ok ${at}`)], max_tokens: 9 } : {};
    return JSON.stringify({ model, stream: true, ...bare, ...messages });
  };
  await cpuPerRequest(path, large, warmUps);
  await cpuPerRequest(path, tiny, warmUps);
  const whole = await cpuPerRequest(path, large, runs);
  const least = await cpuPerRequest(path, tiny, runs);
  const bytes = large(0).length;
  console.log(
    `${path}: ${(bytes / 1000).toFixed(0)} KB take ${shown(whole)} of CPU, a tiny request ${shown(least)}, ` +
      `so its size ${shown(whole - least)} (JSON.parse of it: ${shown(parseMs(large(0)))})`,
  );
}

function textOf(answer: unknown): string {
  // The shapes of the three surfaces, of which a script by hand need not know more.
  const { choices, output, content } = answer as {
    choices?: [{ message: { content: string } }];
    output?: { content?: { text: string }[] }[];
    content?: { text?: string }[];
  };
  if (choices !== undefined) return choices[0].message.content;
  const parts = content ?? output?.flatMap((item) => item.content ?? []) ?? [];
  return parts.map(({ text = "" }) => text).join("");
}

/** The body of the next turn of a session. */
function nextTurn(path: Path, messages: Said[], name: string): string {
  messages.push(said(`Say ok ${name}\n${"some words about what the file says, as a tool has told them. ".repeat(16)}`));
  return JSON.stringify({ model, ...surfaces[path](messages) });
}

/** The answer as the client keeps it. */
async function answerTo(path: Path, messages: Said[], body: string): Promise<void> {
  messages.push({ role: "assistant", content: textOf(JSON.parse(await ask(path, body))) });
}

/** The half of it that was disturbed least. */
function calmMean(spentMs: readonly number[]): number {
  const calm = spentMs.toSorted((a, b) => a - b).slice(0, Math.ceil(spentMs.length / 2));
  return calm.reduce((sum, ms) => sum + ms, 0) / calm.length;
}

const parser = Bun.spawn([process.execPath, `${import.meta.dir}/receive-and-parse.ts`], {
  // As the executable has it.
  env: { ...process.env, BUN_JSC_useFTLJIT: "0" },
  stdout: "pipe",
});
const parserUrl = new TextDecoder().decode((await parser.stdout.getReader().read()).value).trim();

async function parseOnly(body: string): Promise<void> {
  await (await fetch(parserUrl, { method: "POST", body })).text();
}

/** Turns of young and of old sessions, one after the other, and the same bodies at the other process. */
async function measureSessions(path: Path, round: number) {
  const create = (): Said[][] => Array.from({ length: sessions }, () => []);
  const [young, old] = [create(), create()];
  for (let at = 0; at < turns - measuredTurns; at++) {
    for (const [session, messages] of old.entries()) {
      await answerTo(path, messages, nextTurn(path, messages, `${round} ${session} old ${at}`));
    }
  }
  const kinds = [
    { histories: young, whole: [] as number[], parse: [] as number[], bytes: 0 },
    { histories: old, whole: [] as number[], parse: [] as number[], bytes: 0 },
  ];
  for (let at = 0; at < measuredTurns; at++) {
    // All of them before the first is sent: what the client does must not stand before the turns of one kind alone.
    const bodies = kinds.map(({ histories }, kind) =>
      histories.map((messages, session) => nextTurn(path, messages, `${round} ${session} ${kind} ${at}`)),
    );
    for (const [index, kind] of kinds.entries()) {
      const started = cpuMs();
      for (const [session, messages] of kind.histories.entries())
        await answerTo(path, messages, bodies[index]![session]!);
      kind.whole.push((cpuMs() - started) / sessions);
      const parseStarted = cpuMs(parser.pid);
      for (const body of bodies[index]!) await parseOnly(body);
      kind.parse.push((cpuMs(parser.pid) - parseStarted) / sessions);
      kind.bytes = bodies[index]![0]!.length;
    }
  }
  return kinds.map(({ whole, parse, bytes }) => ({ wholeMs: calmMean(whole), parseMs: calmMean(parse), bytes }));
}

for (const path of paths) {
  const measured = [];
  for (let round = 0; round < rounds; round++) measured.push(await measureSessions(path, round));
  for (const [index, name] of [
    `turns 1 to ${measuredTurns}`,
    `turns ${turns - measuredTurns + 1} to ${turns}`,
  ].entries()) {
    const ofKind = measured.map((kinds) => kinds[index]!);
    const wholeMs = Math.min(...ofKind.map((one) => one.wholeMs));
    const parseMs = Math.min(...ofKind.map((one) => one.parseMs));
    console.log(
      `${path}: ${name}, until ${(ofKind[0]!.bytes / 1000).toFixed(0)} KB: ${shown(wholeMs)} a turn, of them receiving and ` +
        `parsing ${shown(parseMs)}, the rest ${shown(wholeMs - parseMs)}`,
    );
  }
}
parser.kill();
const all = await stage.emulator.turns();
console.log(`The upstream was asked ${all.length} times, lastly with ${all.at(-1)?.content.length} characters`);
