// What a client makes of an answer, whatever the protocol: the same words for all of them.

import { APIError as AnthropicError } from "@anthropic-ai/sdk";
import OpenAI from "openai";

export interface ClientAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly input: unknown }[];
  readonly finish: "stop" | "length" | "tool_calls" | "content_filter" | undefined;
  readonly usage: { readonly input: number; readonly output: number } | undefined;
  /** As the client throws it. The status of one that came within the stream is undefined. */
  readonly error: { readonly status: number | undefined; readonly message: string } | undefined;
}

export const nothingRead: ClientAnswer = {
  text: "",
  reasoning: "",
  calls: [],
  finish: undefined,
  usage: undefined,
  error: undefined,
};

/** What of the answer was read up to the error. @throws what is no error of the API: the client was broken by it */
export function failedAnswer(error: unknown, read: Partial<ClientAnswer> = {}): ClientAnswer {
  if (!(error instanceof OpenAI.APIError) && !(error instanceof AnthropicError)) throw error;
  const { message } = error;
  // Typed as a type parameter of the class, which an instance has filled in.
  return { ...nothingRead, ...read, error: { status: error.status as number | undefined, message } };
}
