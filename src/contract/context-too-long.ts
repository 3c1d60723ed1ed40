// The sentence for a prompt that is longer than its model can read. Agents compact their history when they recognise it, by
// Anthropic's words (`prompt is too long: N tokens > M maximum`) or OpenAI's (`maximum context length is M tokens`); some read
// the numbers to know how much has to go. (Lists of such patterns in clients, 2026-09; code `context_length_exceeded` beside it.)

/** In tokens, as far as they were told. */
export interface PromptLengths {
  readonly promptTokens?: number;
  /** Most that a prompt may have, where that is less than the whole context. */
  readonly maxPromptTokens?: number;
  /** Prompt and answer together. */
  readonly contextTokens?: number;
}

const advice = "Shorten the conversation or start a new one";

/** @param reason what is too long, where it is not counted in tokens; in words that follow a colon */
export function contextTooLong(lengths: PromptLengths = {}, reason?: string): string {
  const { contextTokens, maxPromptTokens } = lengths;
  const why = reason ?? excessOf(lengths);
  const most =
    contextTokens !== undefined
      ? `this model's maximum context length is ${contextTokens} tokens`
      : `it does not fit into the maximum context length${maxPromptTokens === undefined ? "" : ` of ${maxPromptTokens} tokens`}`;
  return `The prompt is too long: ${why === undefined ? "" : `${why}, `}${most}. ${advice}`;
}

/**
 * The prompt's length, undefined where nobody has counted it to its end: vLLM reads no further than one token too many, and
 * tells that as the count.
 * @see https://github.com/vllm-project/vllm/issues/33418
 */
export function countedTokens({ promptTokens, maxPromptTokens, contextTokens }: PromptLengths): number | undefined {
  const most = maxPromptTokens ?? contextTokens;
  return most !== undefined && promptTokens === most + 1 ? undefined : promptTokens;
}

function excessOf({ promptTokens, maxPromptTokens, contextTokens }: PromptLengths): string | undefined {
  const most = maxPromptTokens ?? contextTokens;
  if (promptTokens === undefined) return undefined;
  if (most === undefined) return `${promptTokens} tokens`;
  // It may be the answer for which there is no room.
  return promptTokens > most ? `${promptTokens} tokens > ${most} maximum` : `${promptTokens} tokens and an answer`;
}
