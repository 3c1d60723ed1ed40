// The step that thinks of questions that may follow: one short call beside the conversation, with a time limit.

import { toGatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject } from "../../contract/json.ts";
import { readJson } from "../read-json.ts";
import type { Step } from "../step.ts";

export interface FollowUpsOptions {
  /** Most questions. @defaultValue 3 */
  readonly count?: number;
  /** @defaultValue 10_000 */
  readonly timeoutMs?: number;
}

const maxQuestionChars = 200;
const maxPromptChars = 3000;

/** What fails here costs the questions only. */
export function followUps({ count = 3, timeoutMs = 10_000 }: FollowUpsOptions = {}): Step {
  const system = `Suggest ${count} short questions that the user may ask next, in the user's language. Answer with a JSON array of ${count} strings and nothing else.`;
  return {
    name: "follow_ups",
    async *run(context) {
      const { message, state, options, signal, log } = context;
      if (options.follow_ups === false || state.answer.trim() === "") return;
      yield { stage: "follow_ups" };
      const prompt = `User: ${message.slice(0, maxPromptChars)}\n\nAssistant: ${state.answer.slice(0, maxPromptChars)}`;
      try {
        const questions = readQuestions(await context.ask({ system, prompt, maxTokens: 300, timeoutMs }), count);
        if (questions.length > 0) yield { follow_up_questions: questions };
      } catch (error) {
        if (signal.aborted) throw error;
        log.info("Cannot think of questions that may follow", { reason: toGatewayError(error).message });
      }
    },
  };
}

/** An array, an object that holds one, or lines: models keep to a form more or less. */
export function readQuestions(answer: string, count: number): string[] {
  const value = readJson(answer);
  const list = Array.isArray(value)
    ? value
    : isJsonObject(value)
      ? Object.values(value).find(Array.isArray)
      : undefined;
  const lines = list ?? answer.split("\n").filter((line) => /[?？؟]\s*$/.test(line));
  const questions = lines
    .filter((line): line is string => typeof line === "string")
    .map((line) => line.replace(/^\s*(?:[-*•]|\d+[.)、])\s*/, "").trim())
    .filter((line) => line !== "" && line.length <= maxQuestionChars);
  return [...new Set(questions)].slice(0, count);
}
