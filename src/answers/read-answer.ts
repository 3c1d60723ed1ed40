// What to make of a whole answer that had to be JSON: the JSON alone, or what is wrong with it. Pure.

import type { AnswerFormat } from "../contract/answer-format.ts";
import { type AnswerCheck, rootOf } from "./answer-schema.ts";
import { findJson } from "./find-json.ts";

export interface ReadAnswer {
  /** The bare JSON; undefined when the text holds none. */
  readonly json: string | undefined;
  /** Undefined: it is what was asked for. In words that follow a colon, none of them the model's. */
  readonly problem: string | undefined;
}

export function readAnswer(text: string, format: AnswerFormat, check: AnswerCheck): ReadAnswer {
  if (text.trim() === "") return { json: undefined, problem: "it is empty" };
  const fits = (value: unknown): boolean => check.problems(value).type !== "problems";
  const found = findJson(text, rootOf(format.schema), fits);
  if (found === undefined) return { json: undefined, problem: "it holds no JSON of the kind that is asked for" };
  const problems = check.problems(found.value);
  if (problems.type !== "problems") return { json: found.json, problem: undefined };
  const told = problems.sentences.join("; ");
  return { json: found.json, problem: told === "" ? "its JSON does not fit the schema" : told };
}

/** Longer texts are answers, whatever they begin with. Characters. */
const maxRefusalChars = 2000;

/** How models decline, in the languages that Qwen answers in by itself. */
const refusals: readonly RegExp[] = [
  /^(?:i'?m|i am) (?:really |very |so |deeply )?(?:sorry|afraid|unable|not able)\b/,
  /^(?:sorry|apologies|my apologies|unfortunately)\b/,
  /^i (?:can'?t|cannot|can not|won'?t|will not|must decline|have to decline|do not feel comfortable)\b/,
  /^as an? (?:ai|language model)\b/,
  /^(?:很|非常|十分)?(?:抱歉|对不起|遗憾)/,
  /^(?:我|作为)[^。.!！]{0,20}(?:无法|不能|没办法|拒绝)/,
];

/** Whether a text without any JSON says that there will be none. */
export function isRefusal(text: string): boolean {
  if (text.length > maxRefusalChars) return false;
  const words = text.trim().replaceAll("’", "'").toLowerCase();
  return refusals.some((refusal) => refusal.test(words));
}
