// What a manual run shows: scenarios, and under each what was verified, green or red on a terminal.

export interface Verification {
  scenario(title: string): void;
  /** One statement and whether it holds; `seen` is shown where it does not. */
  verify(statement: string, holds: boolean, seen?: unknown): void;
  /** For the reader, judged by nobody. */
  tell(text: string): void;
  readonly failures: number;
  /** The last lines. */
  close(): void;
}

export function createVerification(print: (line: string) => void, hasColours: boolean): Verification {
  let verified = 0;
  let failures = 0;
  const paint = (code: number, text: string): string => (hasColours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    scenario: (title) => print(`\n${paint(1, title)}`),
    tell: (text) => print(`  ${paint(2, text)}`),
    verify(statement, holds, seen) {
      verified++;
      if (!holds) failures++;
      const shown = holds || seen === undefined ? "" : `: ${short(seen)}`;
      print(`  ${holds ? paint(32, "ok  ") : paint(31, "FAIL")}  ${statement}${shown}`);
    },
    get failures() {
      return failures;
    },
    close() {
      print("");
      print(
        failures === 0
          ? paint(32, `All ${verified} verifications hold`)
          : paint(31, `${failures} of ${verified} verifications do not hold`),
      );
    },
  };
}

const longest = 200;

function short(seen: unknown): string {
  const text = (typeof seen === "string" ? seen : (JSON.stringify(seen) ?? String(seen))).replace(/\s+/g, " ");
  return text.length <= longest ? text : `${text.slice(0, longest)}...`;
}
