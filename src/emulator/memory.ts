// Facts that the user told, and the one that a question asks for.

import type { Dialogue } from "./dialogue.ts";

export interface Fact {
  /** As the user said it: "favourite colour". */
  readonly name: string;
  readonly value: string;
  readonly owner: "your" | "the";
}

/** Facts of the user's own words, oldest first. */
export function factsOf(texts: readonly string[]): Fact[] {
  return texts.flatMap((text) => patterns.flatMap((pattern) => factsBy(pattern, text)));
}

/** True when the user wants back what he said. */
export function asksForFact(question: string): boolean {
  return recall.test(question) && !/\bcount (?:from|to)\b/i.test(question);
}

/** The fact that shares most words with the question; among equals the newest. */
export function recallFact(dialogue: Dialogue): Fact | undefined {
  const said = dialogue.earlier.filter((utterance) => utterance.role === "user").map((utterance) => utterance.text);
  const known = factsOf([...dialogue.background, ...said, dialogue.question]);
  const asked = wordsOf(dialogue.question);
  if (/\bwho am i\b/i.test(dialogue.question)) asked.add("name");
  if (/\bwhere\b/i.test(dialogue.question)) asked.add("home");
  if (/\b(?:like|love|prefer)\b/i.test(dialogue.question)) asked.add("thing");
  let best: Fact | undefined;
  let bestScore = 0;
  for (const fact of known) {
    const score = [...wordsOf(fact.name)].filter((word) => asked.has(word)).length;
    if (score > 0 && score >= bestScore) [best, bestScore] = [fact, score];
  }
  return best;
}

/** Where a value ends: at the end of its sentence or clause. */
const value = String.raw`["'“‘«]?([\p{L}\p{N}#$€@][^\n!?;,"”»]{0,200}?)["'”’»]?(?=[.!?;,]?\s*$|[.!?;,](?:\s|$)|\n|\s+(?:and|but|so|please)\s)`;

interface Pattern {
  readonly expression: RegExp;
  /** Name of the fact where the text itself does not say it. */
  readonly name?: string;
  /** Default: the user's. */
  readonly owner?: Fact["owner"];
}

const patterns: readonly Pattern[] = [
  { expression: nameless(String.raw`\b(?:call me|i am called|i'm called)\s+${value}`), name: "name" },
  // Only with a capital: "I am tired" is no name.
  { expression: /\b(?:I am|I'm) ()(\p{Lu}[\p{L}'-]+)(?=[.!?,;\s]|$)/gmu, name: "name" },
  { expression: nameless(String.raw`\bi (?:live|work|am based) in\s+${value}`), name: "home" },
  { expression: nameless(String.raw`\bi (?:really )?(?:like|love|prefer)\s+${value}`), name: "favourite thing" },
  {
    expression: named(
      String.raw`\b(?:remember|memori[sz]e|note|keep in mind)(?: that)?(?: the| this| my)?\s+(number|word|code|name|phrase|password|secret|token|colou?r|city|key)\s*(?:is|:|=)?\s+${value}`,
    ),
    owner: "the",
  },
  { expression: possession("the"), owner: "the" },
  { expression: possession("my|our") },
  { expression: named(String.raw`\bmy\s+([\p{L}]+)\s+(?:called|named)\s+${value}`) },
  { expression: named(String.raw`\ba\s+([\p{L}]+)\s+(?:called|named)\s+${value}`) },
];

const recall =
  /\b(?:what|what's|whats|which|who|where|when|how old|do you (?:still )?(?:remember|know|recall)|can you (?:remember|recall|tell)|tell me|remind me|say|repeat)\b.*\b(?:my|our|i|me|we|the (?:\p{L}+ )?(?:number|word|code|name|phrase|password|secret|token|colou?r|city|key))\b/isu;

/** An expression with two groups: the fact's name and its value. */
function named(source: string): RegExp {
  return new RegExp(source, "gimu");
}

/** Only the value is in the text; the group of the name stays empty. */
function nameless(source: string): RegExp {
  return named(`()${source}`);
}

function possession(whose: string): RegExp {
  const name = String.raw`\b(?:${whose})\s+([\p{L}][\p{L}\p{N}' _-]{0,48}?)`;
  return named(String.raw`${name}\s+(?:is|are|was|=)\s+(?:called |named |now )?${value}`);
}

function factsBy({ expression, name, owner = "your" }: Pattern, text: string): Fact[] {
  const facts: Fact[] = [];
  for (const match of text.matchAll(expression)) {
    const found = { name: name ?? (match[1] ?? "").trim(), value: (match[2] ?? "").trim(), owner };
    if (found.name !== "" && found.value !== "") facts.push(found);
  }
  return facts;
}

const hollow = new Set(
  "what which who is are was the a an my our your i me we you do did does to of in it that this tell told said say remember know recall can please and or where when how still remind s have has had".split(
    " ",
  ),
);

/** Words that carry meaning, British spelling levelled. */
function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const kept = words.filter((word) => !hollow.has(word));
  return new Set(kept.map((word) => word.replace(/our(?=s?$|ite)/, "or")));
}
