// What the pass-through lane makes of a stream: the bytes that a client gets, and what the gateway is told.

import type { TokenUsage, UpstreamEvent } from "../../src/contract/events.ts";
import {
  PassDecoder,
  type PassDecoderOptions,
} from "../../src/upstreams/openai-compatible/pass-through/pass-decoder.ts";
import { testSource } from "./compatible-recordings.ts";

export interface PassedStream {
  /** With the closing frames behind a good end. */
  readonly text: string;
  /** What was told besides frames: usage, and how it ended. */
  readonly told: readonly string[];
  readonly firstSemantic: number;
}

const estimate: TokenUsage = { inputTokens: 1, outputTokens: 2, totalTokens: 3, estimated: true };

export interface PassChanges extends Partial<PassDecoderOptions> {
  /** Tools that take anything. */
  readonly toolNames?: readonly string[];
}

export function createPassDecoder({ toolNames = [], ...changes }: PassChanges = {}): PassDecoder {
  let ids = 0;
  return new PassDecoder({
    model: "asked-model",
    toldModel: "asked-model",
    wantsUsage: true,
    source: testSource,
    thinkTags: true,
    cumulativeDeltas: false,
    doneIsFinish: false,
    tools: toolNames.map((name) => ({ name, description: undefined, parameters: {} })),
    rescue: "none",
    createId: () => `made-${++ids}`,
    ...changes,
  });
}

export function passAll(chunks: readonly Uint8Array[], changes: PassChanges = {}): PassedStream {
  const decoder = createPassDecoder(changes);
  const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  let firstSemantic = -1;
  const told: string[] = [];
  const emit = (event: UpstreamEvent): void => {
    if (event.type === "frames") {
      if (event.isSemantic && firstSemantic < 0) firstSemantic = text.length;
      text += textDecoder.decode(event.bytes.subarray(event.start, event.end), { stream: true });
    } else if (event.type === "reply-end") told.push(`end ${event.finishReason}`);
    else if (event.type === "reply-error") told.push(`error ${event.error.kind}`);
    else if (event.type === "usage-update") told.push(`usage ${event.usage.totalTokens}`);
    else told.push(event.type);
  };
  for (const chunk of chunks) decoder.feed(chunk, emit);
  decoder.end(emit);
  const hasEnded = told.some((line) => line.startsWith("end "));
  return { text: text + (hasEnded ? decoder.reader.closingFrames(estimate) : ""), told, firstSemantic };
}

/** The model that a recording names. */
export function modelOf(bytes: Uint8Array): string {
  return /"model":"([^"]*)"/.exec(new TextDecoder().decode(bytes))?.[1] ?? "asked-model";
}
