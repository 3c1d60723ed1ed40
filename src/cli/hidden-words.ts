// Secrets among the words of a command line. Every user of a machine may list its processes with their words; their
// environments only who runs them. So the program shows a mask in their place, and hands them on to itself by its environment.

/** Holds the words as they were given, while the program replaces itself. */
export const hiddenWordsVariable = "QWEN_GATEWAY_WORDS";

const mask = "****";

/** Flags whose values may hold secrets: of settings, and of commands that take one as a text. */
export const secretFlags: ReadonlySet<string> = new Set([
  "api-key",
  "admin-key",
  "master-key",
  "master-key-previous",
  "qwen-token",
  "qwen-cookies",
  "qwen-headers",
  "qwen-accounts",
  "upstream-api-key",
  "dashscope-api-key",
  "modelscope-api-key",
  "upstreams",
  "mcp-servers",
  "agent-rules",
  "jwt-secret",
  "otel-exporter-otlp-headers",
  "store-url",
  // accounts add
  "cookie",
  "token",
  // mcp add
  "env",
  "header",
  // emulate
  "keys",
]);

/** As `keys revoke` takes one; its prefix is told everywhere. */
const storedKey = /\b(qg-[A-Za-z0-9]{8}-)[\w-]{20,}/;

/** The words as the list of processes may show them. Those behind a lone "--" belong to another command. */
export function maskWords(words: readonly string[]): string[] {
  const end = words.indexOf("--");
  return words.map((given, index) => {
    if (end !== -1 && index > end) return given;
    const word = given.replace(storedKey, `$1${mask}`);
    if (!word.startsWith("--")) return isSecretFlag(words[index - 1]) ? mask : word;
    const equals = word.indexOf("=");
    return equals !== -1 && isSecretFlag(word.slice(0, equals)) ? `${word.slice(0, equals)}=${mask}` : word;
  });
}

/**
 * The words that stand behind the mask.
 * @param hidden of the variable
 * @returns undefined where there are none, or they are those of another process whose environment this one has inherited
 */
export function unmaskWords(shown: readonly string[], hidden: string | undefined): string[] | undefined {
  const words = parseWords(hidden);
  if (words === undefined) return undefined;
  const masked = maskWords(words);
  const areSame = masked.length === shown.length && masked.every((word, index) => word === shown[index]);
  return areSame ? words : undefined;
}

function isSecretFlag(word: string | undefined): boolean {
  return word?.startsWith("--") === true && secretFlags.has(word.slice(2));
}

function parseWords(text: string | undefined): string[] | undefined {
  try {
    const words: unknown = JSON.parse(text ?? "null");
    return Array.isArray(words) && words.every((word) => typeof word === "string") ? words : undefined;
  } catch {
    return undefined;
  }
}
