// Cumulative snapshots of thoughts to the text that is new: titles stand as a line of their own before their thought.

export interface ThoughtTracker {
  /** @returns what this snapshot adds, "" for a repeated one and for one that holds nothing. */
  next(titles: readonly string[], thoughts: readonly string[]): string;
  /** The round of thoughts is over: a snapshot that does not go on from it is the first of another one. */
  endRound(): void;
}

export function createThoughtTracker(): ThoughtTracker {
  let sent = "";
  let isRoundOver = false;
  return {
    next(titles, thoughts) {
      const whole = joinThoughts(titles, thoughts);
      if (whole === "") return "";
      const isNewRound = isRoundOver && sent !== "" && !whole.startsWith(sent);
      const common = isNewRound ? 0 : commonPrefixLength(sent, whole);
      sent = whole;
      isRoundOver = false;
      return isNewRound ? thoughtSeparator + whole : whole.slice(common);
    },
    endRound() {
      isRoundOver = true;
    },
  };
}

const thoughtSeparator = "\n\n";

function joinThoughts(titles: readonly string[], thoughts: readonly string[]): string {
  const parts: string[] = [];
  for (let index = 0; index < Math.max(titles.length, thoughts.length); index++) {
    const lines = [titles[index], thoughts[index]].filter((line) => typeof line === "string" && line !== "");
    parts.push(lines.join("\n"));
  }
  return parts.join(thoughtSeparator);
}

/** Where a snapshot is no extension of the one before, what differs is said from there on. Never cuts a surrogate pair. */
function commonPrefixLength(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  const last = b.charCodeAt(length - 1);
  return length < b.length && last >= 0xd800 && last <= 0xdbff ? length - 1 : length;
}
