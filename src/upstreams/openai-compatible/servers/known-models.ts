// What is known of models by their names, for lists that do not say and for switches whose default differs. Hints, never
// an allow-list: a name that is not here goes out as it is.

export interface KnownModel {
  readonly contextTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly vision: boolean;
  readonly thinking: boolean;
  /** Without a word of the request. Undefined: it has no switch. */
  readonly thinksByDefault: boolean | undefined;
  /** It cannot be told not to think. */
  readonly alwaysThinks: boolean;
}

const million = 1_000_000;
const openWeights = 262_144;

/**
 * The first pattern that fits counts. Context and output as of 2026-09: presets of qwen-code 0.24.4, models.dev f3fc692,
 * lists of Vercel and Venice; thinking by the deep-thinking page of Model Studio (2026-10); open weights by the
 * README of QwenLM/Qwen3.8 (2026-08-17).
 */
const table: readonly (readonly [pattern: RegExp, model: KnownModel])[] = [
  // Its page of 2026-11. Whether it takes `enable_thinking` nobody has said: it thinks by itself, and knows efforts.
  [/^qwen4-max/, { ...hybrid(million, undefined, "pictures"), thinksByDefault: undefined }],
  [/^qwen3\.8-(?:max|flash)/, hybrid(million, 131_072, "pictures")],
  [/^qwen3\.7-max/, hybrid(million, 65_536, "text")],
  [/^qwen3\.7-plus/, hybrid(million, 65_536, "pictures")],
  [/^qwen3\.6-plus/, hybrid(million, undefined, "pictures")],
  [/^qwen3\.6-flash/, hybrid(million, undefined, "text")],
  [/^qwen3\.5-(?:plus|flash)/, hybrid(million, undefined, "pictures")],
  [/^qwen3\.[568]-\d/, hybrid(openWeights, 65_536, "pictures")],
  [/^qwen3-coder-(?:plus|flash)/, plain(million, undefined)],
  [/^qwen3-coder/, plain(openWeights, undefined)],
  [/^qwen3-max-2026-01-23/, { ...hybrid(openWeights, undefined, "text"), thinksByDefault: false }],
  [/^qwen3-max/, plain(openWeights, undefined)],
  [/^qwen3-(?:next-)?\d+b(?:-a\d+b)?-instruct/, plain(openWeights, undefined)],
  [/^qwen3-vl/, { ...hybrid(openWeights, undefined, "pictures"), thinksByDefault: undefined }],
  // Open weights of 2025 think by themselves.
  [/^qwen3[:-]\d/, hybrid(undefined, undefined, "text")],
  [/^qwen-(?:plus|flash)/, { ...hybrid(million, undefined, "text"), thinksByDefault: false }],
  [/^qwen-turbo/, { ...hybrid(undefined, undefined, "text"), thinksByDefault: false }],
  [/^qwq/, { ...hybrid(131_072, undefined, "text"), thinksByDefault: undefined, alwaysThinks: true }],
  // What qwen-code 0.24.4 assumes of names that it does not know.
  [/^qwen3\.\d/, { ...hybrid(million, 65_536, "pictures"), thinksByDefault: undefined }],
];

/** What was looked up: each request asks. Names come from clients, so that the table starts anew when it is full. */
const found = new Map<string, KnownModel | undefined>();
const mostFound = 256;

/** @param id with or without a namespace, such as `Qwen/Qwen3.6-27B` or `qwen3.6:27b` */
export function knownModel(id: string): KnownModel | undefined {
  const known = found.get(id);
  if (known !== undefined || found.has(id)) return known;
  const name = id
    .toLowerCase()
    .replace(/^.*\//, "")
    .replace(/^(qwen[\d.]+):/, "$1-");
  const model = table.find(([pattern]) => pattern.test(name))?.[1];
  if (found.size >= mostFound) found.clear();
  found.set(id, model);
  return model;
}

/** Thinks unless it is told not to. @param input what it reads */
function hybrid(
  contextTokens: number | undefined,
  maxOutputTokens: number | undefined,
  input: "text" | "pictures",
): KnownModel {
  const vision = input === "pictures";
  return { contextTokens, maxOutputTokens, vision, thinking: true, thinksByDefault: true, alwaysThinks: false };
}

function plain(contextTokens: number | undefined, maxOutputTokens: number | undefined): KnownModel {
  return {
    contextTokens,
    maxOutputTokens,
    vision: false,
    thinking: false,
    thinksByDefault: undefined,
    alwaysThinks: false,
  };
}
