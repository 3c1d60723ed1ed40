// What a server may ask of us in the middle of a call: the person for data (elicitation), the model for an answer (sampling).

import { isJsonObject } from "../../contract/json.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { ElicitationAnswer } from "../tools.ts";
import { cleanJsonObject } from "./clean-json.ts";
import { cleanText } from "./clean-text.ts";
import type { McpSdk } from "./mcp-sdk.ts";
import type { RunningCall, RunningCalls } from "./running-calls.ts";
import { readSamplingRequest, type SampleModel } from "./sampling.ts";

export interface QuestionOptions {
  readonly server: string;
  readonly calls: RunningCalls;
  readonly sample: SampleModel | undefined;
}

const maxQuestionChars = 2000;
const maxSchemaChars = 16_384;
/** A server that asks more often within one call is not asking. */
const maxQuestionsOfCall = 10;

export function answerServer(client: InstanceType<McpSdk["Client"]>, sdk: McpSdk, options: QuestionOptions): void {
  const { server, calls, sample } = options;
  const asked = new WeakMap<RunningCall, number>();

  /** Whose question it is, as long as it has not asked too often. */
  function takeTurn(call: RunningCall | undefined): RunningCall | undefined {
    if (call === undefined) return undefined;
    const count = (asked.get(call) ?? 0) + 1;
    asked.set(call, count);
    return count > maxQuestionsOfCall ? undefined : call;
  }

  client.setRequestHandler(sdk.ElicitRequestSchema, async ({ params }) => {
    const call = takeTurn(calls.asker());
    const schema =
      "requestedSchema" in params ? cleanJsonObject({ ...params.requestedSchema }, maxSchemaChars) : undefined;
    if (call?.elicit === undefined || schema === undefined) return { action: "decline" };
    const message = cleanText(params.message, maxQuestionChars).text;
    const answer = await whilePaused(call, () => call.elicit!({ message, schema }));
    return answer.action === "accept" ? { action: "accept", content: flatContent(answer) } : { action: answer.action };
  });

  if (sample === undefined) return;
  client.setRequestHandler(sdk.CreateMessageRequestSchema, async ({ params }, { signal }) => {
    const call = takeTurn(calls.owner());
    const request = call === undefined ? undefined : readSamplingRequest(server, call, { ...params });
    // Outside of a call nobody has asked for anything, and nobody would know what it costs.
    if (call === undefined || request === undefined)
      throw new sdk.McpError(sdk.ErrorCode.InvalidRequest, "Only texts can be sampled, and only within a call");
    const answer = await sample(request, AbortSignal.any([signal, call.signal]));
    return {
      role: "assistant",
      content: { type: "text", text: answer.text },
      model: answer.model,
      stopReason: "endTurn",
    };
  });
}

/** The person's time is not the call's. */
async function whilePaused<T>(call: RunningCall, work: () => Promise<T>): Promise<T> {
  call.limit.pause();
  try {
    return await orAborted(work(), call.signal);
  } finally {
    call.limit.resume();
  }
}

/** The protocol has flat objects of plain values only. */
function flatContent(answer: ElicitationAnswer): Record<string, string | number | boolean | string[]> {
  const content: Record<string, string | number | boolean | string[]> = {};
  if (answer.action !== "accept" || !isJsonObject(answer.content)) return content;
  for (const [key, value] of Object.entries(answer.content)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") content[key] = value;
    else if (Array.isArray(value)) content[key] = value.map(String);
  }
  return content;
}
