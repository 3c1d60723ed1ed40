// How vLLM writes a reply, by version. Keys that are not set are missing (fixtures vllm-01 to -05).

import type { ChunkForm, Fields, Frame, WholeAnswer } from "../chunk-form.ts";
import { countTotal, messageCalls } from "./self-hosted.ts";

interface Version {
  reasoning(text: string): Fields;
  /** Beside content, and in the first and last delta. */
  readonly idle: Fields;
  /** Behind the choice's other members. */
  readonly tail: Fields;
}

const versions: Readonly<Record<string, Version>> = {
  "0.11": { reasoning: (text) => ({ reasoning_content: text }), idle: {}, tail: {} },
  // PR 27752: both, until clients have followed.
  "0.12": {
    reasoning: (text) => ({ reasoning: text, reasoning_content: text }),
    idle: { reasoning_content: null },
    tail: { token_ids: null },
  },
};
const current: Version = { reasoning: (text) => ({ reasoning: text }), idle: {}, tail: {} };

export function vllmForm(variant: string): ChunkForm {
  const version = versions[variant] ?? current;
  return {
    opening: () => ({ role: "assistant", content: "", ...version.idle }),
    // What stands between `</think>` and the answer in the model's own text.
    gapAfterThoughts: variant === "0.12" ? "" : "\n\n",
    callCut: "behind-head",
    hasEmptyLastPiece: false,
    finishRidesOnCalls: true,
    reasoning: version.reasoning,
    content: (text) => ({ content: text, ...version.idle }),
    calls: (entries) => ({ tool_calls: entries }),
    callEntry: ({ index, id, name, argumentsText, isFirst }) =>
      isFirst
        ? { id, type: "function", index, function: { name, arguments: argumentsText } }
        : { index, function: { arguments: argumentsText } },
    endDelta: (last) => (last === "reasoning" ? {} : { content: "", ...version.idle }),
    chunk: (delta, frame, _place, reason) => envelope(frame, [choiceOf(delta, reason, version.tail)]),
    usage: (count) => countTotal(count),
    usageChunk: (usage, frame) => ({ ...envelope(frame, []), usage }),
    whole: (answer, frame) => wholeOf(answer, frame, version),
  };
}

function envelope(frame: Frame, choices: readonly Fields[]): Fields {
  return { id: frame.id, object: "chat.completion.chunk", created: frame.nowSeconds(), model: frame.model, choices };
}

function choiceOf(delta: Fields, reason: string | undefined, tail: Fields): Fields {
  const ending: Fields = reason === undefined ? { finish_reason: null } : { finish_reason: reason, stop_reason: null };
  return { index: 0, delta, logprobs: null, ...ending, ...tail };
}

function wholeOf(
  { content, reasoning, calls, finishReason, usage }: WholeAnswer,
  frame: Frame,
  version: Version,
): Fields {
  const said = calls.length > 0 && content === "" ? null : content;
  return {
    id: frame.id,
    object: "chat.completion",
    created: frame.nowSeconds(),
    model: frame.model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: said,
          refusal: null,
          annotations: null,
          audio: null,
          function_call: null,
          tool_calls: messageCalls(calls),
          ...(reasoning === "" ? { reasoning: null } : version.reasoning(reasoning)),
        },
        logprobs: null,
        finish_reason: finishReason,
        stop_reason: null,
        token_ids: null,
      },
    ],
    service_tier: null,
    system_fingerprint: null,
    usage: { ...countTotal(usage), prompt_tokens_details: null },
    prompt_logprobs: null,
    kv_transfer_params: null,
  };
}
