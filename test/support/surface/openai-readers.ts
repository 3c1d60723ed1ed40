// Answers of the OpenAI surfaces as the official package reads them, by its stream helpers where it has any.

import OpenAI from "openai";
import { type ClientAnswer, failedAnswer, nothingRead } from "./client-answer.ts";

/** A client whose one request is answered so. */
export function openaiAnsweredBy(answer: () => Response | Promise<Response>): OpenAI {
  return new OpenAI({ apiKey: "none", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch: async () => answer() });
}

type Usage = { readonly prompt_tokens: number; readonly completion_tokens: number } | null | undefined;

const counts = (usage: Usage): ClientAnswer["usage"] =>
  usage === null || usage === undefined ? undefined : { input: usage.prompt_tokens, output: usage.completion_tokens };

/** The package has no name for it. */
export function reasoningIn(part: object | undefined): string {
  const text = part === undefined ? undefined : (part as { readonly reasoning_content?: unknown }).reasoning_content;
  return typeof text === "string" ? text : "";
}

export async function readChat(response: Response, isStream: boolean): Promise<ClientAnswer> {
  const { chat } = openaiAnsweredBy(() => response);
  const body = { model: "m", messages: [] };
  const told = { text: "", reasoning: "" };
  try {
    if (!isStream) return chatAnswer(await chat.completions.create(body));
    const stream = chat.completions.stream(body);
    stream.on("chunk", ({ choices }) => {
      told.text += choices[0]?.delta.content ?? "";
      told.reasoning += reasoningIn(choices[0]?.delta);
    });
    return { ...chatAnswer(await stream.finalChatCompletion()), reasoning: told.reasoning };
  } catch (error) {
    return failedAnswer(error, told);
  }
}

function chatAnswer({ choices, usage }: OpenAI.ChatCompletion): ClientAnswer {
  const choice = choices[0];
  // Of the older protocol, which is not asked for.
  const finish = choice?.finish_reason === "function_call" ? undefined : choice?.finish_reason;
  return {
    text: choice?.message.content ?? "",
    reasoning: reasoningIn(choice?.message),
    calls: (choice?.message.tool_calls ?? []).flatMap((call) =>
      call.type === "function"
        ? [{ name: call.function.name, input: JSON.parse(call.function.arguments) as unknown }]
        : [],
    ),
    finish,
    usage: counts(usage),
    error: undefined,
  };
}

export async function readCompletion(response: Response, isStream: boolean): Promise<ClientAnswer> {
  const { completions } = openaiAnsweredBy(() => response);
  const body = { model: "m", prompt: "x" };
  let text = "";
  let finish: ClientAnswer["finish"];
  let usage: ClientAnswer["usage"];
  try {
    const told = isStream ? await completions.create({ ...body, stream: true }) : [await completions.create(body)];
    for await (const { choices, usage: counted } of told) {
      text += choices[0]?.text ?? "";
      finish = choices[0]?.finish_reason ?? finish;
      usage = counts(counted) ?? usage;
    }
    return { ...nothingRead, text, finish, usage };
  } catch (error) {
    return failedAnswer(error, { text });
  }
}

export async function readResponses(response: Response, isStream: boolean): Promise<ClientAnswer> {
  const { responses } = openaiAnsweredBy(() => response);
  const body = { model: "m", input: "x" };
  let text = "";
  try {
    if (!isStream) return responseAnswer(await responses.create(body));
    const stream = responses.stream(body);
    stream.on("response.output_text.delta", ({ delta }) => {
      text += delta;
    });
    const answer = responseAnswer(await stream.finalResponse());
    return answer.error === undefined ? answer : { ...answer, text };
  } catch (error) {
    return failedAnswer(error, { text });
  }
}

function responseAnswer(response: OpenAI.Responses.Response): ClientAnswer {
  const { output, error, usage } = response;
  const calls = output.flatMap((item) => (item.type === "function_call" ? [item] : []));
  return {
    text: response.output_text,
    reasoning: output
      .flatMap((item) => (item.type === "reasoning" ? item.summary : []))
      .map(({ text }) => text)
      .join(""),
    calls: calls.map((call) => ({ name: call.name, input: JSON.parse(call.arguments) as unknown })),
    finish: responseFinish(response, calls.length > 0),
    usage:
      usage === undefined || usage === null ? undefined : { input: usage.input_tokens, output: usage.output_tokens },
    error: error === null ? undefined : { status: undefined, message: error.message },
  };
}

function responseFinish({ status, incomplete_details }: OpenAI.Responses.Response, hasCalls: boolean) {
  if (status === "completed") return hasCalls ? "tool_calls" : "stop";
  if (status !== "incomplete") return undefined;
  return incomplete_details?.reason === "max_output_tokens" ? "length" : "content_filter";
}

/** Which of the package's streams is read. */
export type OpenAIStream = "chat" | "completions" | "responses";

/** The events of a stream one by one, as the package parses them. */
export async function readEvents(kind: OpenAIStream, response: Response): Promise<readonly unknown[]> {
  const { chat, completions, responses } = openaiAnsweredBy(() => response);
  switch (kind) {
    case "chat":
      return Array.fromAsync(await chat.completions.create({ model: "m", messages: [], stream: true }));
    case "completions":
      return Array.fromAsync(await completions.create({ model: "m", prompt: "x", stream: true }));
    case "responses":
      return Array.fromAsync(await responses.create({ model: "m", input: "x", stream: true }));
  }
}
