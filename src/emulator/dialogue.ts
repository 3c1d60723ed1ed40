// What was said so far, out of a path of nodes and out of transcripts that clients fold into one message.

export interface Utterance {
  readonly role: "user" | "assistant";
  readonly text: string;
}

export interface Dialogue {
  /** Instructions and the like, said by nobody. */
  readonly background: readonly string[];
  /** Everything before the question, oldest first. */
  readonly earlier: readonly Utterance[];
  /** What the user wants to know now. */
  readonly question: string;
}

/** A path of the chat's tree (oldest first) and the new message. */
export function readDialogue(path: readonly Utterance[], message: string): Dialogue {
  const background: string[] = [];
  const earlier: Utterance[] = [];
  for (const utterance of path) {
    if (utterance.role === "assistant") earlier.push(utterance);
    else {
      const folded = unfold(utterance.text);
      background.push(...folded.background);
      earlier.push(...folded.earlier, { role: "user", text: folded.question });
    }
  }
  const folded = unfold(message);
  return {
    background: [...background, ...folded.background],
    earlier: [...earlier, ...folded.earlier],
    question: folded.question,
  };
}

/** A heading under which clients put the newest message, behind instructions and history. */
const messageHeading = /^#+ *(?:message|question|current message|user message|new message)\b[^\n]*\n/gim;

/** `User: …`, `**Human:** …`, `[assistant] …`, `<user>…`: who says what follows. */
const speaker =
  /^[ \t]*(?:\*\*|<\|?|\[|#+ *)?(user|human|assistant|ai|bot|model|system|tool(?: result)?)(?:\|?>|\]|\*\*)?[ \t]*(?::(?:\*\*)?|：|(?<=[>\]])|\n)/gim;

function unfold(message: string): Dialogue {
  const heading = [...message.matchAll(messageHeading)].at(-1);
  const folded = heading === undefined ? message : message.slice(0, heading.index);
  const { background, utterances } = speakersOf(folded);
  if (heading !== undefined) {
    return { background, earlier: utterances, question: message.slice(heading.index + heading[0].length) };
  }
  const last = utterances.at(-1);
  // One label alone is how people write, not a transcript.
  if (utterances.length < 2 || last === undefined) return { background: [], earlier: [], question: message };
  const before = utterances.slice(0, -1);
  if (last.role === "user") return { background, earlier: before, question: last.text };
  // The newest words follow the last labelled answer without a label of their own.
  const [answer = "", ...rest] = last.text.split(/\n{2,}/);
  return { background, earlier: [...before, { role: "assistant", text: answer }], question: rest.join("\n\n") };
}

function speakersOf(text: string): { background: string[]; utterances: Utterance[] } {
  const marks = [...text.matchAll(speaker)];
  const utterances: Utterance[] = [];
  const preface = text.slice(0, marks[0]?.index ?? text.length).trim();
  for (const [index, mark] of marks.entries()) {
    const said = text.slice(mark.index + mark[0].length, marks[index + 1]?.index ?? text.length).trim();
    const name = (mark[1] ?? "").toLowerCase();
    if (name === "user" || name === "human") utterances.push({ role: "user", text: said });
    if (name === "assistant" || name === "ai" || name === "bot" || name === "model") {
      utterances.push({ role: "assistant", text: said });
    }
  }
  return { background: preface === "" ? [] : [preface], utterances };
}
