// A surface as somebody talks over it: how a client of it sends a conversation, and what that client keeps of an answer.

import type { Surface } from "../../../src/contract/surface.ts";
import type { JsonObject } from "../../../src/contract/json.ts";
import { anthropicMessages } from "../../../src/surfaces/anthropic-messages/surface.ts";
import { openaiChat } from "../../../src/surfaces/openai-chat/surface.ts";
import { openaiResponses } from "../../../src/surfaces/openai-responses/surface.ts";
import { anthropicAnsweredBy } from "../surface/anthropic-reader.ts";
import { openaiAnsweredBy, reasoningIn } from "../surface/openai-readers.ts";
import type { ReplyPart, SaidTurn } from "./said-turns.ts";
import { chatClients, spellChat } from "./spell-chat.ts";
import { responsesClients, spellInput } from "./spell-input.ts";
import { messagesClients, spellMessages } from "./spell-messages.ts";

export interface TalkingSurface {
  readonly surface: Surface;
  /** Names of the clients whose spellings are known. */
  readonly clients: readonly string[];
  /** @param client one of `clients` */
  body(turns: readonly SaidTurn[], client: string, stream: boolean, tools: readonly string[]): JsonObject;
  /** By the official package. @throws what it throws */
  read(response: Response, isStream: boolean): Promise<readonly ReplyPart[]>;
}

/** The emulated model fills in what is declared. */
const parameters = { type: "object", properties: { city: { type: "string" }, zone: { type: "string" } } };

function oneOf<Name extends string>(known: readonly Name[], name: string): Name {
  const client = known.find((one) => one === name);
  if (client === undefined) throw new Error(`no client is called ${name}`);
  return client;
}

const chat: TalkingSurface = {
  surface: openaiChat,
  clients: chatClients,
  body: (turns, client, stream, tools) => ({
    messages: spellChat(turns, oneOf(chatClients, client)),
    stream,
    ...(tools.length === 0
      ? {}
      : { tools: tools.map((name) => ({ type: "function", function: { name, parameters } })) }),
  }),
  async read(response, isStream) {
    const { completions } = openaiAnsweredBy(() => response).chat;
    let reasoning = "";
    const body = { model: "m", messages: [] };
    const stream = isStream ? completions.stream(body) : undefined;
    stream?.on("chunk", ({ choices }) => {
      reasoning += reasoningIn(choices[0]?.delta);
    });
    const { choices } = await (stream?.finalChatCompletion() ?? completions.create(body));
    const message = choices[0]?.message;
    reasoning += isStream ? "" : reasoningIn(message);
    const text = message?.content ?? "";
    return [
      ...(reasoning === "" ? [] : [{ type: "reasoning", text: reasoning } as const]),
      ...(text === "" ? [] : [{ type: "text", text } as const]),
      ...(message?.tool_calls ?? []).flatMap((call) =>
        call.type === "function"
          ? [{ type: "call", id: call.id, name: call.function.name, arguments: call.function.arguments } as const]
          : [],
      ),
    ];
  },
};

const messages: TalkingSurface = {
  surface: anthropicMessages,
  clients: messagesClients,
  body: (turns, client, stream, tools) => ({
    max_tokens: 1000,
    messages: spellMessages(turns, oneOf(messagesClients, client)),
    stream,
    ...(tools.length === 0 ? {} : { tools: tools.map((name) => ({ name, input_schema: parameters })) }),
  }),
  async read(response, isStream) {
    const { messages: api } = anthropicAnsweredBy(() => response);
    const body = { model: "m", max_tokens: 9, messages: [] };
    const { content } = await (isStream ? api.stream(body).finalMessage() : api.create(body));
    return content.flatMap((block): ReplyPart[] => {
      if (block.type === "text") return [{ type: "text", text: block.text }];
      if (block.type === "thinking") return [{ type: "reasoning", text: block.thinking, signature: block.signature }];
      if (block.type !== "tool_use") return [];
      return [{ type: "call", id: block.id, name: block.name, arguments: JSON.stringify(block.input) }];
    });
  },
};

const responses: TalkingSurface = {
  surface: openaiResponses,
  clients: responsesClients,
  body: (turns, client, stream, tools) => ({
    input: spellInput(turns, oneOf(responsesClients, client)),
    store: false,
    stream,
    ...(tools.length === 0 ? {} : { tools: tools.map((name) => ({ type: "function", name, parameters })) }),
  }),
  async read(response, isStream) {
    const { responses: api } = openaiAnsweredBy(() => response);
    const body = { model: "m", input: "x" };
    const { output } = await (isStream ? api.stream(body).finalResponse() : api.create(body));
    return output.flatMap((item): ReplyPart[] => {
      if (item.type === "reasoning")
        return [{ type: "reasoning", text: item.summary.map(({ text }) => text).join("") }];
      if (item.type === "function_call") {
        return [{ type: "call", id: item.call_id, name: item.name, arguments: item.arguments }];
      }
      if (item.type !== "message") return [];
      return item.content.flatMap((part) => (part.type === "output_text" ? [{ type: "text", text: part.text }] : []));
    });
  },
};

export const talkingSurfaces: Readonly<Record<"chat" | "messages" | "responses", TalkingSurface>> = {
  chat,
  messages,
  responses,
};
export type TalkingName = keyof typeof talkingSurfaces;
export const talkingNames = Object.keys(talkingSurfaces) as readonly TalkingName[];
