// A call of one named tool: how clients ask for data in a form where their protocol has no field for it. Its arguments are
// checked against the tool's schema before anything of them is told, where that holds nothing up.

import { findJson } from "../../answers/find-json.ts";
import type { Continuation } from "../../contract/continuation.ts";
import type { ChatRequest, Message, ToolCall, ToolDefinition } from "../../contract/chat-request.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { Resume, UpstreamReply } from "../../contract/upstream.ts";
import { createCallId } from "../../tools/call-id.ts";
import { findProblems } from "../../tools/schema-problems.ts";
import { CheckedCalls } from "./checked-calls.ts";
import { type AnswerDemand, type DemandedRun, Mending, type Miss, unfit } from "./mending.ts";
import type { Candidate } from "../candidates/model-routes.ts";

/** Undefined: no certain tool has to be called, or nothing is known of its arguments. */
export function callFormOf({ tools, toolChoice, stream }: ChatRequest): CallForm | undefined {
  if (toolChoice === undefined || toolChoice === "auto" || toolChoice === "none") return undefined;
  const isOnly = toolChoice === "required" && tools.length === 1;
  const tool = isOnly
    ? tools[0]
    : tools.find(({ name }) => typeof toolChoice === "object" && name === toolChoice.toolName);
  return tool === undefined || !isJsonObject(tool.parameters) ? undefined : new CallForm(tool, stream);
}

export class CallForm implements AnswerDemand {
  readonly #tool: ToolDefinition;
  readonly #streams: boolean;
  readonly #mending = new Mending();
  #isChecked = false;
  /** Attempts at one question share its messages. */
  #asked:
    { readonly whole: readonly Message[]; readonly miss: Miss; readonly messages: readonly Message[] } | undefined;

  constructor(tool: ToolDefinition, streams: boolean) {
    this.#tool = tool;
    this.#streams = streams;
  }

  async attempt(candidate: Candidate, run: DemandedRun): Promise<void> {
    // A server with tools of its own streams arguments as they come; where they are read out of text they come whole.
    this.#isChecked = !this.#streams || candidate.upstream.keepsConversations === true;
    this.#mending.begin(candidate, () => run.mayRepeat());
    for (;;) {
      try {
        return await run.tryOnce();
      } catch (error) {
        if (!this.#mending.next()) throw error;
        run.repeats(error);
      }
    }
  }

  ask(whole: ChatRequest): ChatRequest {
    const { miss } = this.#mending;
    if (miss === undefined) return whole;
    if (this.#asked?.whole !== whole.messages || this.#asked.miss !== miss) {
      this.#asked = { whole: whole.messages, miss, messages: [...whole.messages, ...miss.messages] };
    }
    const { received: _received, ...rest } = whole;
    return { ...rest, messages: this.#asked.messages };
  }

  resumeFor(asked: ChatRequest, before: Resume | undefined): Resume | undefined {
    return this.#mending.resumeFor(asked, before);
  }

  read(reply: UpstreamReply): UpstreamReply {
    if (!this.#isChecked || reply.passThrough !== undefined) return reply;
    const { account, model, body } = reply;
    const decoder = new CheckedCalls(reply.decoder, {
      judge: (calls, continuation) => this.#judge(calls, continuation, account),
      callIn: (text) => this.#callIn(text),
    });
    // Not `recover`: what is held back has not been said.
    return { account, model, body, decoder, onEnd: (ending, error) => reply.onEnd(ending, error) };
  }

  /** Models that were asked for data give it without a word of the tool: what fits it is its call. */
  #callIn(text: string): ToolCall | undefined {
    const { name, parameters } = this.#tool;
    if (!isJsonObject(parameters) || !demandsSomething(parameters)) return undefined;
    const fits = (value: unknown): boolean => findProblems(parameters, value).type === "fits";
    const found = findJson(text, "object", fits);
    if (found === undefined || !fits(found.value)) return undefined;
    return { callId: createCallId(), toolName: name, argumentsText: found.json };
  }

  #judge(
    calls: readonly ToolCall[],
    continuation: Continuation | undefined,
    account: string,
  ): GatewayError | undefined {
    const call = calls.find(({ toolName }) => toolName === this.#tool.name);
    const problem = call === undefined ? undefined : problemOf(call, this.#tool);
    if (call === undefined || problem === undefined) return undefined;
    if (!this.#mending.mayMend) return this.#tool.isStrict === true ? unfit(problem) : undefined;
    const results = calls.map(({ callId }) => ({
      role: "tool" as const,
      callId,
      content: [
        { type: "text" as const, text: `The arguments do not fit the tool's schema: ${problem}. Call it again.` },
      ],
      isError: true,
    }));
    const messages: Miss["messages"] = [{ role: "assistant", content: [], toolCalls: calls }, ...results];
    this.#mending.note({ messages, continuation, account });
    return unfit(problem);
  }
}

/** Any object fits other schemas. */
function demandsSomething({ required }: JsonObject): boolean {
  return Array.isArray(required) && required.length > 0;
}

function problemOf({ argumentsText }: ToolCall, { parameters }: ToolDefinition): string | undefined {
  if (!isJsonObject(parameters)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(argumentsText.trim() || "{}");
  } catch {
    return "they are no JSON";
  }
  const found = findProblems(parameters, value);
  return found.type === "problems" ? found.sentences.join("; ") || "something in them is wrong" : undefined;
}
