// A command line, as browsers copy it, cut into its words: the shells of Unix and the one of Windows. Pure.

/** Words of a POSIX shell: '...', "...", $'...', backslashes, and lines that go on. Nothing is expanded. */
export function splitShellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
      continue;
    }
    const piece = readPiece(text, at);
    // A line that goes on begins no word.
    if (piece.value !== "" || piece.isQuoted) word = (word ?? "") + piece.value;
    at = piece.end;
  }
  if (word !== undefined) words.push(word);
  return words;
}

interface Piece {
  readonly value: string;
  readonly end: number;
  readonly isQuoted: boolean;
}

function readPiece(text: string, at: number): Piece {
  const next = text[at + 1];
  switch (text[at]) {
    case "'":
      return readSingle(text, at + 1);
    case '"':
      return readDouble(text, at + 1);
    case "$":
      if (next === "'") return readAnsi(text, at + 2);
      return { value: "$", end: at + 1, isQuoted: false };
    case "\\": {
      const newline = /^\\(\r?\n)/.exec(text.slice(at, at + 3));
      if (newline !== null) return { value: "", end: at + newline[0].length, isQuoted: false };
      return { value: next ?? "", end: at + 2, isQuoted: false };
    }
    default:
      return { value: text[at] ?? "", end: at + 1, isQuoted: false };
  }
}

function readSingle(text: string, start: number): Piece {
  const end = text.indexOf("'", start);
  return end < 0
    ? { value: text.slice(start), end: text.length, isQuoted: true }
    : { value: text.slice(start, end), end: end + 1, isQuoted: true };
}

function readDouble(text: string, start: number): Piece {
  let value = "";
  let at = start;
  for (; at < text.length && text[at] !== '"'; at++) {
    if (text[at] !== "\\") value += text[at];
    else if (/["\\$`]/.test(text[at + 1] ?? "")) value += text[++at] ?? "";
    else if (text[at + 1] === "\n") at++;
    else value += "\\";
  }
  return { value, end: at + 1, isQuoted: true };
}

const ansiEscapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  v: "\v",
};

/** $'...': what Chrome writes as soon as a text holds a quote or a sign beyond ASCII. */
function readAnsi(text: string, start: number): Piece {
  let value = "";
  let at = start;
  while (at < text.length && text[at] !== "'") {
    if (text[at] !== "\\") {
      value += text[at++];
      continue;
    }
    const rest = text.slice(at + 1, at + 10);
    const code = /^(?:u([0-9a-f]{1,4})|U([0-9a-f]{1,8})|x([0-9a-f]{1,2})|([0-7]{1,3}))/i.exec(rest);
    if (code === null) {
      const escaped = text[at + 1] ?? "";
      value += ansiEscapes[escaped] ?? escaped;
      at += 2;
      continue;
    }
    const [whole, short, long, hex, octal] = code;
    value += codePoint(Number.parseInt(short ?? long ?? hex ?? octal ?? "0", octal === undefined ? 16 : 8));
    at += 1 + whole.length;
  }
  return { value, end: at + 1, isQuoted: true };
}

function codePoint(code: number): string {
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
}

/** As "copy as cURL (cmd)" writes it: carets before quotes, or, in older browsers, only where a line goes on. */
export function isWindowsCommand(text: string): boolean {
  return /^curl(\.exe)?\s+\^"/i.test(text) || (/\^\r?\n/.test(text) && !/\\\r?\n/.test(text));
}

/** Words of the shell of Windows: the caret takes a sign as it is, then "..." with \" inside. */
export function splitWindowsWords(text: string): string[] {
  const plain = text.replace(/\^\r?\n/g, " ").replace(/\^([\s\S])/g, "$1");
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (let at = 0; at < plain.length; at++) {
    const character = plain[at] ?? "";
    const escaped = character === "\\" && /["\\]/.test(plain[at + 1] ?? "");
    if (escaped) word = (word ?? "") + (plain[++at] ?? "");
    else if (character === '"') {
      isQuoted = !isQuoted;
      word ??= "";
    } else if (isQuoted || !/\s/.test(character)) word = (word ?? "") + character;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
