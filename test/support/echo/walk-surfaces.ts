// One conversation that goes from surface to surface over HTTP: words, then calls of tools, then their results, and words
// again. And whether the web backend was told it as one chain.

import { expect } from "bun:test";
import type { ReplyPart, SaidTurn } from "./said-turns.ts";
import { callsOf, textOf } from "./said-turns.ts";
import { type TalkingName, talkingSurfaces } from "./talking-surface.ts";

export interface WalkStep {
  readonly on: TalkingName;
  /** One of its clients. */
  readonly client: string;
  readonly stream: boolean;
}

/** A turn as the backend got it. */
export interface ChainedTurn {
  readonly chatId: string;
  readonly parentId: string | null;
  readonly content: string;
  readonly responseId: string | undefined;
}

export type Post = (path: string, body: unknown) => Promise<Response>;

const tools = ["get_weather", "get_time"] as const;

/** What is asked in turn; the emulated model calls what it is told to, and says what the results were. */
const questionsOf = (name: string) => [
  `My name is ${name}. Say hello`,
  "Call get_weather with city=Paris and get_time with zone=CET",
  "What is my name?",
];

/**
 * A question a step, and between the second and the third what tools gave.
 * @param name tells conversations apart. @returns what each step answered
 */
export async function walk(post: Post, name: string, steps: readonly [WalkStep, WalkStep, WalkStep, WalkStep]) {
  const turns: SaidTurn[] = [];
  const answers: (readonly ReplyPart[])[] = [];
  const ask = async (step: WalkStep, asked: readonly SaidTurn[]): Promise<readonly ReplyPart[]> => {
    const { surface, body, read } = talkingSurfaces[step.on];
    const sent = { model: "qwen3-max", ...body(asked, step.client, step.stream, tools) };
    const response = await post(`${surface.routes[0]!.path}?beta=true`, sent);
    if (response.status !== 200) throw new Error(`${step.on} answered ${response.status}: ${await response.text()}`);
    return read(response, step.stream);
  };
  for (const [index, question] of questionsOf(name).entries()) {
    const step = steps[index === 2 ? 3 : index]!;
    const asked: SaidTurn = { user: question, reply: undefined, results: [] };
    const reply = await ask(step, [...turns, asked]);
    answers.push(reply);
    const calls = callsOf(reply);
    turns.push({ user: question, reply, results: calls.map(({ name }) => `${name} is fine`) });
    if (calls.length === 0) continue;
    // The results alone: another surface may tell them than the one that was asked.
    const told = await ask(steps[2], [...turns, { user: "", reply: undefined, results: [] }]);
    answers.push(told);
    turns.push({ user: "", reply: told, results: [] });
  }
  return answers.map((parts) => ({
    text: textOf(parts, "text"),
    calls: callsOf(parts).map((call) => ({ name: call.name, input: JSON.parse(call.arguments) as unknown })),
  }));
}

/** What the emulated model answers to them, as far as a test looks at it. */
export function walkAnswers(name: string): readonly object[] {
  return [
    { calls: [] },
    {
      calls: [
        { name: "get_weather", input: { city: "Paris" } },
        { name: "get_time", input: { zone: "CET" } },
      ],
    },
    { text: "get_weather says: get_weather is fine\nget_time says: get_time is fine" },
    // Only what was said on the surface before tells it.
    { text: expect.stringContaining(name) },
  ];
}

/** Each turn continues the answer before it, in one chat. */
export function isOneChain(turns: readonly ChainedTurn[]): boolean {
  return turns.every(({ chatId, parentId }, index) => {
    const before = turns[index - 1];
    return before === undefined ? parentId === null : chatId === before.chatId && parentId === before.responseId;
  });
}
