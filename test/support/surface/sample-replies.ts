// The replies that every surface has to tell, and what a client has to read of each.

import type { ClientAnswer } from "./client-answer.ts";
import type { SurfaceSamples } from "./surface-samples.ts";
import { type Lane, toldUsage, type WireReply } from "./wire-replies.ts";

export const toolNames = ["get_weather", "get_time"] as const;

const weather = { name: "get_weather", arguments: '{"city":"Paris","days":2}' };
const time = { name: "get_time", arguments: '{"zone":"CET"}' };

export const everything: WireReply = {
  reasoning: ["I think ", "so."],
  text: ["Hello ", "friend."],
  calls: [weather, time],
};

/** By the name of its case. */
export const sampleReplies: Readonly<Record<string, WireReply>> = {
  words: { text: ["Hello ", "friend."] },
  "thoughts and words": { reasoning: ["I think ", "so."], text: ["Hello."] },
  "thoughts, words and parallel calls": everything,
  "one call alone": { calls: [weather] },
  "a call without arguments": { calls: [{ name: "get_time", arguments: "" }] },
  "words behind calls": { text: ["Before."], calls: [weather, time], afterwards: ["After."] },
  nothing: {},
  "signs that frames are made of": { text: ['data: [DONE]\n\nevent: error\r\n"\\', "\u2028\u2029\u0000🙂é", "</s>"] },
};

/** The web backend knows no other end than a stop. */
export const cutReplies: Readonly<Record<string, WireReply>> = {
  "words up to their limit": { text: ["One ", "two"], finish: "length" },
  "filtered words": { text: ["One "], finish: "content_filter" },
};

/** Calls that nobody could have declared: servers that make them all the same are heard without them. */
export function isToldOn(samples: SurfaceSamples, { calls = [] }: WireReply, lane: Lane): boolean {
  return calls.length === 0 || lane === "compatible" || !samples.lacks.includes("tools");
}

export function expectedAnswer(samples: SurfaceSamples, reply: WireReply): ClientAnswer {
  const { reasoning = [], text = [], afterwards = [], finish } = reply;
  const calls = samples.lacks.includes("tools") ? [] : (reply.calls ?? []);
  return {
    text: [...text, ...afterwards].join(""),
    reasoning: samples.lacks.includes("reasoning") ? "" : reasoning.join(""),
    calls: calls.map((call) => ({
      name: call.name,
      input: call.arguments === "" ? {} : (JSON.parse(call.arguments) as unknown),
    })),
    finish: finish ?? (calls.length > 0 ? "tool_calls" : "stop"),
    usage: { input: toldUsage.input, output: toldUsage.output },
    error: undefined,
  };
}
