// Names of tools as words, and as what they look like: "createEvent" is two words, and a Cyrillic "е" looks like a Latin one.

/** Letters of other scripts that nobody tells from the Latin ones, in pairs. */
const lookalikes = new Map(
  (
    "аa еe оo рp сc хx уy кk мm тt вb нh іi јj ѕs ԁd ӏl ԛq ԝw һh гr ьb зz " +
    "αa οo ρp νv ιi κk τt υu εe χx γy ηn βb ζz " +
    "ıi ɡg ɑa օo ոn սu հh ցg қk ҝk ө0"
  )
    .split(" ")
    .map((pair) => [[...pair][0] ?? "", [...pair][1] ?? ""] as const),
);

/** Latin letters that look like a digit, or like each other: in names they are one. */
const sameShapes: Readonly<Record<string, string>> = { "0": "o", "1": "l", I: "l", "|": "l" };

/** In lower case and Latin letters, as the eye reads it. */
export function readName(name: string): string {
  if (isPlainText(name)) return name;
  const folded = name
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Cf}]/gu, "")
    .replaceAll(/\p{Pd}/gu, "-");
  return [...folded]
    .map((letter) => {
      const lower = letter.toLowerCase();
      const latin = lookalikes.get(lower);
      if (latin === undefined) return letter;
      return letter === lower ? latin : latin.toUpperCase();
    })
    .join("");
}

/** Equal for names that look alike. */
export function shapeOf(name: string): string {
  return foldName(readName(name).replaceAll(/[01I|]/g, (letter) => sameShapes[letter] ?? letter));
}

/** Equal for names that are spelled alike, by whichever custom: `listEvents` and `list_events`. */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
}

/** Of ASCII alone, as nearly all names and descriptions are: nothing in it is folded, and no letter is a foreign one. */
export function isPlainText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
  return /^[\u0000-\u007f]*$/.test(text);
}

export function isPlainName(name: string): boolean {
  return /^[\w.\-/: ]*$/.test(name);
}

/** Letters of two alphabets that are made to look alike: no language writes so. */
export function mixesAlphabets(name: string): boolean {
  if (isPlainText(name)) return false;
  const alphabets = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u];
  return alphabets.filter((alphabet) => alphabet.test(name)).length > 1;
}

/** Of a name as the eye reads it, in lower case: `getHTTPStatus_v2` is get, http, status, v2. */
export function wordsOfName(name: string): string[] {
  return splitWords(readName(name));
}

/** The same of any text, whose letters stay what they are. */
export function splitWords(text: string): string[] {
  return text
    .replaceAll(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1 $2")
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== "");
}
