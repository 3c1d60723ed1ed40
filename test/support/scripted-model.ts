// A model that answers what a test says, in turn, and keeps what it was asked.

import { flattenText } from "../../src/contract/chat-request.ts";
import type { AskModel, ModelAnswer, ModelQuestion } from "../../src/agent/engine.ts";
import type { JsonObject } from "../../src/contract/json.ts";

/** Words; calls by name; or whatever comes of the question, such as a failure. */
export type ScriptedAnswer =
  string | readonly ScriptedCall[] | ((question: ModelQuestion) => Promise<ScriptedAnswer> | ScriptedAnswer);

export type ScriptedCall = readonly [name: string, input?: JsonObject | string];

export interface ScriptedModel {
  readonly ask: AskModel;
  readonly questions: ModelQuestion[];
  /** All that the last question said, tools aside. */
  readonly lastWords: string;
  /** Adds answers. */
  say(...answers: ScriptedAnswer[]): void;
}

const tokensOfAnswer = 100;

export function scriptModel(...answers: ScriptedAnswer[]): ScriptedModel {
  const waiting = [...answers];
  const questions: ModelQuestion[] = [];

  async function answer(question: ModelQuestion, scripted: ScriptedAnswer | undefined): Promise<ModelAnswer> {
    if (typeof scripted === "function") return answer(question, await scripted(question));
    if (scripted === undefined) throw new Error("The model was asked more often than the script says");
    if (typeof scripted === "string") return { text: scripted, toolCalls: [], totalTokens: tokensOfAnswer };
    const toolCalls = scripted.map(([toolName, input = {}], index) => ({
      callId: `c${index}`,
      toolName,
      argumentsText: typeof input === "string" ? input : JSON.stringify(input),
    }));
    return { text: "", toolCalls, totalTokens: tokensOfAnswer };
  }

  return {
    questions,
    get lastWords() {
      return (questions.at(-1)?.messages ?? []).map(flattenText).join("\n");
    },
    say: (...more) => void waiting.push(...more),
    ask: (question) => {
      questions.push(question);
      return answer(question, waiting.shift());
    },
  };
}
