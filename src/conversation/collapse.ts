// White space as canonical texts have it: each run is one space.

/**
 * The runs that are not one plain space already. Prose is mostly those: leaving them alone makes this 2 to 4 times as fast
 * as `/\s+/g` (test/unit/conversation/collapse.test.ts holds that both say the same).
 */
const changingRuns = /[^\S ]\s*| \s+/g;

export function collapseRuns(text: string): string {
  return text.replace(changingRuns, " ");
}
