// How DashScope writes a reply. As captured: 2025-04 (variant "2025"), 2026-07 ("2026"); "empty-names" is how
// spring-ai#4790 (2025-10) shows tool calls of some models, with every key present and "" for nothing.

import type { CallPiece, ChunkForm, Fields, Frame, Place, Spoken, UsageCount } from "../chunk-form.ts";

export function dashscopeForm(variant: string): ChunkForm {
  switch (variant) {
    case "2025":
      return { ...form, ...form2025 };
    case "empty-names":
      return { ...form, ...formWithEmptyNames };
    default:
      return form;
  }
}

/** The role ends the first delta. */
function delta(fields: Fields, place: Place): Fields {
  return place.ordinal === 0 ? { ...fields, role: "assistant" } : fields;
}

function envelope(frame: Frame, usage: Fields | null, choices: readonly Fields[]): Fields {
  return {
    choices,
    object: "chat.completion.chunk",
    usage,
    created: frame.nowSeconds(),
    system_fingerprint: null,
    model: frame.model,
    id: frame.id,
  };
}

const form: ChunkForm = {
  opening: undefined,
  gapAfterThoughts: "",
  callCut: "with-head",
  hasEmptyLastPiece: true,
  finishRidesOnCalls: false,
  reasoning: (text, place) => delta({ content: null, reasoning_content: text }, place),
  content: (text, place) => delta({ content: text, ...(place.thinks ? { reasoning_content: null } : {}) }, place),
  calls: (entries, place) =>
    delta({ content: null, ...(place.thinks ? { reasoning_content: null } : {}), tool_calls: entries }, place),
  callEntry: ({ index, id, name, argumentsText, isFirst }: CallPiece) => ({
    index,
    id: isFirst ? id : "",
    type: "function",
    function: isFirst ? { name, arguments: argumentsText } : { arguments: argumentsText },
  }),
  endDelta: (_last: Spoken, thinks) => ({ content: "", ...(thinks ? { reasoning_content: null } : {}) }),
  chunk(fields, frame, _place, reason) {
    // The finish chunk has its keys in another order (capture of 2026-07).
    const choice: Fields =
      reason === undefined
        ? { delta: fields, finish_reason: null, index: 0, logprobs: null }
        : { finish_reason: reason, delta: fields, index: 0, logprobs: null };
    return envelope(frame, null, [choice]);
  },
  usage: (count, { thinks }) => ({
    ...total(count),
    ...(thinks
      ? {
          completion_tokens_details: {
            reasoning_tokens: count.reasoningTokens,
            // With the reasoning, as captured: what is visible is the difference.
            text_tokens: count.completionTokens,
          },
        }
      : {}),
    prompt_tokens_details: {
      ...(!thinks || count.cachedTokens > 0 ? { cached_tokens: count.cachedTokens } : {}),
      ...(thinks ? { text_tokens: count.promptTokens } : {}),
    },
  }),
  usageChunk: (usage, frame) => envelope(frame, usage, []),
  whole: ({ content, reasoning, calls, finishReason, usage }, frame) => ({
    choices: [
      {
        message: {
          role: "assistant",
          content,
          ...(frame.thinks ? { reasoning_content: reasoning } : {}),
          ...(calls.length === 0
            ? {}
            : {
                tool_calls: calls.map(({ id, name, argumentsText }, index) => ({
                  index,
                  id,
                  type: "function",
                  function: { name, arguments: argumentsText },
                })),
              }),
        },
        finish_reason: finishReason,
        index: 0,
        logprobs: null,
      },
    ],
    object: "chat.completion",
    usage: form.usage(usage, frame),
    created: frame.nowSeconds(),
    system_fingerprint: null,
    model: frame.model,
    id: frame.id,
  }),
};

function total({ promptTokens, completionTokens }: UsageCount): Fields {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

const form2025: Partial<ChunkForm> = {
  opening: (thinks) =>
    thinks ? { content: null, role: "assistant", reasoning_content: "" } : { content: "", role: "assistant" },
  chunk(fields, frame, place, reason) {
    if (place.ordinal === 0 && reason === undefined) {
      return envelope(frame, null, [{ delta: fields, index: 0, logprobs: null, finish_reason: null }]);
    }
    if (place.ordinal === 1 && reason === undefined) {
      const choice: Fields = place.thinks
        ? { finish_reason: null, logprobs: null, delta: fields, index: 0 }
        : { finish_reason: null, delta: fields, index: 0, logprobs: null };
      return envelope(frame, null, [choice]);
    }
    return form.chunk(fields, frame, place, reason);
  },
  usage: (count, { thinks }) =>
    thinks ? total(count) : { ...total(count), prompt_tokens_details: { cached_tokens: count.cachedTokens } },
};

const formWithEmptyNames: Partial<ChunkForm> = {
  callCut: "behind-head",
  hasEmptyLastPiece: false,
  calls: (entries, { ordinal }) => ({
    content: "",
    reasoning_content: "",
    tool_calls: entries,
    role: ordinal === 0 ? "assistant" : "",
  }),
  callEntry: ({ index, id, name, argumentsText, isFirst }) => ({
    index,
    id: isFirst ? id : "",
    type: "function",
    function: { arguments: argumentsText, name: isFirst ? name : "" },
  }),
  endDelta: () => ({ content: "", reasoning_content: "" }),
};
