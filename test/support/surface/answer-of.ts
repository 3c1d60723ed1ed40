// An answer of the gateway with thoughts, words and two calls, as it goes out to a client of each protocol.

import { everything, toolNames } from "./sample-replies.ts";
import { chatSamples, messagesSamples, responsesSamples, type SurfaceSamples } from "./surface-samples.ts";
import { playBytes, startSurfaceStage } from "./surface-stage.ts";
import { type Lane, type WireReply, writeReply } from "./wire-replies.ts";

const paths = { chat: "/v1/chat/completions", messages: "/v1/messages", responses: "/v1/responses" } as const;
export type AnswerPath = keyof typeof paths;
export const samplesOf: Readonly<Record<AnswerPath, SurfaceSamples>> = {
  chat: chatSamples,
  messages: messagesSamples,
  responses: responsesSamples,
};

/** The body, unread. */
export async function answerOf(
  path: AnswerPath,
  lane: Lane,
  stream: boolean,
  reply: WireReply = everything,
): Promise<string> {
  await using stage = await startSurfaceStage({ lane });
  stage.play(playBytes(writeReply(lane, reply)));
  const model = lane === "web" ? "qwen3-max" : "qwen3.6-27b";
  const tools = reply.calls === undefined ? [] : toolNames;
  const body = samplesOf[path].body({ text: "Hello", stream, model, tools });
  return (await stage.post(paths[path], body)).text();
}

export function streamed(body: string): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
