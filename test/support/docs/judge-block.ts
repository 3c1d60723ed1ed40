// Whether a block did what its document says.

import type { BlockResult } from "./doc-shell.ts";
import type { CodeBlock } from "./read-markdown.ts";

/** @returns undefined when all is well, else what is not, in a line */
export function faultOf({ answers: meant }: CodeBlock, { exitCode, answers }: BlockResult): string | undefined {
  if (exitCode !== 0) return `it ended with ${exitCode}`;
  const statuses = answers.map(({ status }) => status);
  if (statuses.some((status, index) => !isMeant(meant.length === 1 ? meant[0] : meant[index], status)))
    return `its calls were answered ${statuses.join(", ")}`;
  const isBroken = answers.some(
    ({ status, words }) => status < 300 && /^event: error$|^data: \{"error":|"type":"response\.failed"/m.test(words),
  );
  return isBroken ? "an answer tells of an error in its stream" : undefined;
}

function isMeant(meant: number | undefined, status: number): boolean {
  return meant === undefined ? status >= 200 && status < 300 : status === meant;
}
