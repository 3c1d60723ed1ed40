// What runs in a process of its own for one PDF: the file in on standard input, its text or why there is none out on standard
// output.

import { marks } from "./pdf-process.ts";
import { readPdfHere } from "./pdf-text.ts";

/** @param maxBytes of the text: what is longer comes cut, and too long still */
export async function runPdfChild(maxBytes: number): Promise<void> {
  const file = await Bun.stdin.bytes();
  const read = await readPdfHere(file, maxBytes, new AbortController().signal);
  const answer = "text" in read ? marks.text + read.text.slice(0, maxBytes + 1) : marks.refusal + read.refusal;
  await Bun.write(Bun.stdout, answer);
}
