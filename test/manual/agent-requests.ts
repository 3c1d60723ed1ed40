// What requests of coding agents cost the gateway: bun test/manual/agent-requests.ts. The executable, an emulator without delay
// in a process of its own, and the CPU time of the gateway's threads as Linux counts it. First a request of 100 KB beside a tiny
// one, on each surface; then a session of 200 turns: its first, its middle and its last turns, and what parsing alone costs.

import { readdirSync, readFileSync } from "node:fs";
import { startStage } from "../e2e/stage.ts";

const runs = 60;
const warmUps = 150;
const turns = 200;
const sessions = 4;

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
function cpuMs(): number {
  const folder = `/proc/${stage.gateway.pid}/task`;
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

/** The answer as the client keeps it. */
async function turn(path: Path, messages: Said[], at: number): Promise<string> {
  messages.push(said(`Say ok ${at}\n${"some words about what the file says, as a tool has told them. ".repeat(16)}`));
  const body = JSON.stringify({ model, ...surfaces[path](messages) });
  const answer: unknown = JSON.parse(await ask(path, body));
  messages.push({ role: "assistant", content: textOf(answer) });
  return body;
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

for (const path of paths) {
  const histories = Array.from({ length: sessions }, (): Said[] => []);
  const spent: number[] = [];
  let body = "";
  for (let at = 0; at < turns; at++) {
    const before = cpuMs();
    for (const [session, messages] of histories.entries()) body = await turn(path, messages, at * sessions + session);
    spent.push((cpuMs() - before) / sessions);
    if (at === 19 || at === 109 || at === 199) {
      const last = spent.slice(-20).reduce((sum, ms) => sum + ms, 0) / 20;
      const parse = parseMs(body);
      console.log(
        `${path}: turns ${at - 18} to ${at + 1}, ${(body.length / 1000).toFixed(0)} KB: ${shown(last)} a turn, ` +
          `${shown(last - parse)} without JSON.parse`,
      );
    }
  }
}
const all = await stage.emulator.turns();
console.log(`The upstream was asked ${all.length} times, lastly with ${all.at(-1)?.content.length} characters`);
