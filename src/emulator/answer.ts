// What the emulator says: simple things sensibly, and always as what it is. Deterministic for equal inputs.

import { fromSources, jsonOfSchema, listOfTexts, searchQuery } from "./asked-forms.ts";
import { type Dialogue, readDialogue, type Utterance } from "./dialogue.ts";
import { asksForFact, factsOf, recallFact } from "./memory.ts";
import type { Random } from "./random.ts";

export interface AnswerInput {
  /** Instructions and the like, where they stand apart. */
  readonly background?: readonly string[];
  /** The nodes that the turn continues, oldest first. */
  readonly path: readonly Utterance[];
  readonly message: string;
  readonly fileNames: readonly string[];
  readonly random: Random;
}

/** The first rule that has something to say answers. */
export function composeAnswer(input: AnswerInput): string {
  const told = readDialogue(input.path, input.message);
  const dialogue = { ...told, background: [...(input.background ?? []), ...told.background] };
  const json = jsonOfSchema(told.question, (message) => composeAnswer({ ...input, message }));
  if (json !== undefined) return json;
  const question = focus(dialogue.question.trim());
  if (question === "") return "The message was empty, so the emulator has nothing to answer.";
  for (const rule of rules) {
    const answer = rule(question, dialogue, input.random);
    if (answer !== undefined) return answer;
  }
  return fallback(question, input);
}

/** What the emulator pretends to think, title and thought. */
export function composeThoughts(message: string, random: Random): { title: string; thought: string }[] {
  const topic = topicOf(readDialogue([], message).question);
  const opening = random.pick(["The user writes", "The message says", "I read"]);
  const closing = random.pick(["A short answer will do.", "I keep it brief.", "One sentence is enough."]);
  return [
    { title: "Reading the message", thought: `${opening} "${topic}".` },
    { title: "Choosing an answer", thought: `I am an emulator, so I answer with what I can do. ${closing}` },
  ];
}

/** Of a long message the last paragraph says what is wanted; agents put pages before it. */
function focus(question: string): string {
  return question.length <= 600 ? question : (question.split(/\n\s*\n/).at(-1) ?? question).slice(-600);
}

type Rule = (question: string, dialogue: Dialogue, random: Random) => string | undefined;

const rules: readonly Rule[] = [
  listOfTexts,
  searchQuery,
  fromSources,
  title,
  count,
  echo,
  ownWords,
  recallOf,
  arithmetic,
  introduction,
  acknowledgement,
  greeting,
];

/** Longest count; more would only fill buffers. */
const mostNumbers = 10_000;

function count(question: string): string | undefined {
  if (!/\b(?:count|counting|numbers)\b/i.test(question)) return undefined;
  const range = /\b(?:from\s+)?(-?\d+)\s*(?:to|up to|down to|through|until|till|-|–|\.\.\.?)\s*(-?\d+)/i.exec(question);
  const upTo = /\bcount(?:\s+up)?\s+to\s+(\d+)/i.exec(question);
  const [first, last] = range === null ? [1, Number(upTo?.[1])] : [Number(range[1]), Number(range[2])];
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || Math.abs(last - first) >= mostNumbers) {
    return undefined;
  }
  const step = first <= last ? 1 : -1;
  // Nothing but the numbers, so that a reader can check that none is missing.
  return Array.from({ length: Math.abs(last - first) + 1 }, (_, index) => first + index * step).join(" ");
}

function echo(question: string): string | undefined {
  const match =
    /^(?:please\s+)?(?:say|repeat(?: after me)?|(?:reply|respond|answer) with)(?: exactly| only| just)*(?: the word)?\s*:?\s+["“'`]?([^"”`]+?)["”'`]?[.!]?$/i.exec(
      question,
    );
  const text = match?.[1];
  if (text === undefined || asksForFact(question) || /^(?:my|your|the last|that|what)\b/i.test(text)) return undefined;
  return text;
}

/** Its own words, and how far the conversation has come: what a wrong chain loses first. */
function ownWords(question: string, dialogue: Dialogue): string | undefined {
  if (/\bhow many (?:turns|messages|questions)\b/i.test(question)) {
    const turns = dialogue.earlier.filter((utterance) => utterance.role === "user").length;
    return `This is message ${turns + 1} of yours in this conversation.`;
  }
  if (/\b(?:first|very first) (?:message|question|thing i)\b/i.test(question)) {
    const first = dialogue.earlier.find((utterance) => utterance.role === "user");
    return first === undefined ? "This is your first message." : `Your first message was: "${first.text}"`;
  }
  const isAboutMe =
    /\b(?:what (?:did|have) you (?:just )?(?:say|said|answer|tell)|(?:repeat|say) (?:your|the) (?:last|previous) (?:answer|reply|message)|your (?:last|previous) (?:answer|reply|message))\b/i;
  if (!isAboutMe.test(question)) return undefined;
  const last = dialogue.earlier.findLast((utterance) => utterance.role === "assistant");
  return last === undefined ? "I have not said anything in this conversation yet." : `I said: "${last.text}"`;
}

function recallOf(question: string, dialogue: Dialogue, random: Random): string | undefined {
  if (!asksForFact(question)) return undefined;
  const fact = recallFact(dialogue);
  if (fact !== undefined) {
    const opening = random.pick(["You told me that", "As you said,", "If I remember well,"]);
    return `${opening} ${fact.owner} ${fact.name} is ${fact.value}.`;
  }
  if (!/\b(?:my|who am i|did i|have i|i (?:said|told)|remember|recall)\b/i.test(question)) return undefined;
  return random.pick([
    "You have not told me that in this conversation.",
    "I do not know: you have not said so in this conversation.",
  ]);
}

function arithmetic(question: string): string | undefined {
  const match =
    /(-?\d+(?:\.\d+)?)\s*(\+|-|−|\*|×|x|\/|÷|plus|minus|times|multiplied by|divided by)\s*(-?\d+(?:\.\d+)?)/i.exec(
      question,
    );
  if (match === null || question.length > 120) return undefined;
  const [, left = "", operator = "", right = ""] = match;
  const result = calculate(Number(left), operator.toLowerCase(), Number(right));
  return `${left} ${operator} ${right} = ${Number.isFinite(result) ? Number(result.toPrecision(12)) : "undefined"}`;
}

function calculate(left: number, operator: string, right: number): number {
  if (operator === "+" || operator === "plus") return left + right;
  if (operator === "-" || operator === "−" || operator === "minus") return left - right;
  if (operator === "/" || operator === "÷" || operator === "divided by") return left / right;
  return left * right;
}

function title(question: string): string | undefined {
  if (question.length < 40 || !/\b(?:generate|write|create|summari[sz]e|give|suggest)\b.*\btitle\b/is.test(question)) {
    return undefined;
  }
  return "A talk with the emulator";
}

function introduction(question: string, _dialogue: Dialogue, random: Random): string | undefined {
  if (!/\b(?:who|what) are you\b|\bwhat is your name\b|\bintroduce yourself\b|你是谁/i.test(question)) return undefined;
  return `${self(random)} I can greet, count, calculate a little and remember what you tell me in this conversation.`;
}

function greeting(question: string, _dialogue: Dialogue, random: Random): string | undefined {
  const isGreeting =
    /^(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening)|bonjour|hola|hallo|ciao|ping)(?![\p{L}\p{N}])|^(?:你好|您好|xin chào)/iu;
  if (!isGreeting.test(question) || question.length > 80) return undefined;
  return `${random.pick(["Hello!", "Hi there!", "Greetings!", "Good to see you!"])} ${self(random)}`;
}

function acknowledgement(question: string, _dialogue: Dialogue, random: Random): string | undefined {
  const fact = question.endsWith("?") ? undefined : factsOf([question]).at(-1);
  if (fact === undefined) return undefined;
  // "Explain why the sky is blue" tells nothing to keep.
  if (fact.owner === "the" && !/\b(?:remember|memori[sz]e|note|keep in mind)\b/i.test(question)) return undefined;
  const opening = random.pick(["Noted:", "I will remember that", "Understood,"]);
  return `${opening} ${fact.owner} ${fact.name} is ${fact.value}. (The emulator says so, not a real model.)`;
}

function fallback(question: string, input: AnswerInput): string {
  const { random, fileNames } = input;
  const topic = topicOf(question);
  const opening = random.pick([
    `You wrote about "${topic}".`,
    `Your message begins with "${topic}".`,
    `I received "${topic}".`,
  ]);
  const files = fileNames.length === 0 ? "" : ` It came with ${fileNames.join(", ")}.`;
  const closing = random.pick([
    "A real account would answer it here.",
    "Connect an account to get a real answer.",
    "With an account the real model would take over.",
  ]);
  return `${opening}${files} ${self(random)} ${closing}`;
}

function self(random: Random): string {
  return random.pick([
    "I am the built-in emulator, a demonstration and not the real model.",
    "This is a demonstration: the built-in emulator speaks, not the real model.",
    "You are talking to the built-in emulator; this is a demonstration, no real model is involved.",
  ]);
}

function topicOf(text: string): string {
  const words = text.trim().split(/\s+/);
  const topic = words.slice(0, 8).join(" ").slice(0, 80);
  return words.length > 8 ? `${topic} …` : topic;
}

/** The answer in deltas as a model would send them: the first is one token, the others one to four. */
export function cutIntoDeltas(text: string, random: Random): string[] {
  const tokens = text.match(/\s*(?:\p{Script=Han}|[^\s\p{Script=Han}]{1,10})|\s+/gu) ?? [];
  const deltas: string[] = [];
  let size = 1;
  for (let start = 0; start < tokens.length; start += size) {
    if (start > 0) size = random.between(1, 4);
    deltas.push(tokens.slice(start, start + size).join(""));
  }
  return deltas;
}
