// Questions and their answers, one line each: texts, secrets, yes or no, one of a list.

import type { LineSource } from "../line-source.ts";

/** Nobody answers any more. */
export class InputEndedError extends Error {
  override readonly name = "InputEndedError";
}

/** Each throws an InputEndedError when the input is over. */
export interface Asker {
  /** Trimmed; "" when only Enter was pressed. */
  text(question: string): Promise<string>;
  /** As `text`, without an echo on a terminal. */
  secret(question: string): Promise<string>;
  confirm(question: string, byDefault: "yes" | "no"): Promise<boolean>;
  /** By the number in front of it. Undefined: only Enter was pressed. */
  choose(options: readonly string[], question: string): Promise<number | undefined>;
}

/** @param show prints a line */
export function createAsker(lines: LineSource, show: (line: string) => void): Asker {
  async function read(question: string, options?: { readonly hidden: boolean }): Promise<string> {
    const line = await lines.readLine(`${question} `, options);
    if (line === undefined) throw new InputEndedError();
    return line.trim();
  }

  return {
    text: (question) => read(question),
    secret: (question) => read(question, { hidden: true }),
    async confirm(question, byDefault) {
      for (;;) {
        const word = (await read(`${question} ${byDefault === "yes" ? "[Y/n]" : "[y/N]"}`)).toLowerCase();
        if (word === "") return byDefault === "yes";
        if (word === "y" || word === "yes") return true;
        if (word === "n" || word === "no") return false;
        show('Answer "y" or "n"');
      }
    },
    async choose(options, question) {
      options.forEach((option, index) => {
        show(`  ${index + 1}  ${option}`);
      });
      for (;;) {
        const word = await read(question);
        if (word === "") return undefined;
        const number = /^[0-9]{1,3}$/.test(word) ? Number(word) : 0;
        if (number >= 1 && number <= options.length) return number - 1;
        show(`Answer with a number from 1 to ${options.length}, or press Enter`);
      }
    },
  };
}
