// Answers in a form that the instructions ask for: JSON of a named shape, or words out of numbered sources.

import type { Dialogue } from "./dialogue.ts";
import { exampleOf } from "./example-value.ts";
import type { Random } from "./random.ts";

/** "Answer with a JSON array of 3 strings": questions about what was said. */
export function listOfTexts(question: string, { background }: Dialogue, random: Random): string | undefined {
  const count = Number(/\bJSON array of (\d{1,2}) strings\b/i.exec(background.join("\n"))?.[1]);
  if (!Number.isInteger(count)) return undefined;
  // Who is asked about a conversation is given it as a transcript.
  const topic = wordsOf(question.replace(/^user:\s*/i, ""))
    .slice(0, 5)
    .join(" ");
  const forms = [
    `Can you tell me more about "${topic}"?`,
    `What is the most important point of "${topic}"?`,
    `Is there an example of "${topic}"?`,
    `Who should know about "${topic}"?`,
    `What comes after "${topic}"?`,
  ];
  const first = random.between(0, forms.length - 1);
  return JSON.stringify(
    Array.from({ length: Math.min(count, forms.length) }, (_, at) => forms[(first + at) % forms.length]),
  );
}

/** "Answer with JSON only: {"query": ...}": the search query of a message. */
export function searchQuery(question: string, { background }: Dialogue): string | undefined {
  if (!/\bJSON only: \{"query"/i.test(background.join("\n"))) return undefined;
  const last = question.split(/^user: /m).at(-1) ?? question;
  return JSON.stringify({ query: wordsOf(last).join(" "), needs_documents: true });
}

/** "Answer with one JSON object", with a schema on a line of its own or without: an example of it, or the answer within one. */
export function jsonOfSchema(question: string, answer: (question: string) => string): string | undefined {
  const [asked] = /^(?:#[^\n]*\n)?Answer with one JSON (?:object|array)\b/m.exec(question) ?? [];
  if (asked === undefined) return undefined;
  const [, schema] = /JSON schema[^\n]*\n([{[][^\n]*)\s*$/.exec(question) ?? [];
  if (schema === undefined)
    return JSON.stringify({ answer: answer(question.slice(0, question.indexOf(asked)).trim()) });
  try {
    return JSON.stringify(exampleOf(JSON.parse(schema)));
  } catch {
    // Somebody wrote about schemas.
    return undefined;
  }
}

const source = /<source number="(\d+)"[^>]*>\n([\s\S]*?)\n<\/source>/g;

/** Numbered sources among the instructions: the sentence that shares most words with the question, and where it stands. */
export function fromSources(question: string, { background }: Dialogue): string | undefined {
  const asked = new Set(wordsOf(question).map((word) => word.toLowerCase()));
  let best: { sentence: string; number: string; shared: number } | undefined;
  // The newest instructions replace those of earlier messages.
  for (const [, number = "", text = ""] of (background.at(-1) ?? "").matchAll(source)) {
    for (const sentence of text.split(/(?<=[.!?。！？])\s*|\n+/)) {
      const shared = wordsOf(sentence).filter((word) => asked.has(word.toLowerCase())).length;
      if (shared > (best?.shared ?? 0)) best = { sentence: sentence.trim(), number, shared };
    }
  }
  return best && `${best.sentence} [${best.number}] (The emulator looked this up; it is no real model.)`;
}

function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}'’-]+/gu) ?? [];
}
