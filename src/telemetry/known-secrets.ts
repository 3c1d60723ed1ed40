// Texts that are secret wherever they stand, and whatever they look like: keys, tokens and cookies that this gateway was given.

/** Of the newest; tokens are renewed for as long as the process runs. */
const mostSecrets = 2000;
/** Shorter ones cannot be told from words. */
const shortestSecret = 8;
const replacement = "[redacted]";

export interface KnownSecrets {
  /** Blacks these out, too, from now on. Those of before go on to count: what they served may still run. */
  learn(texts: Iterable<string>): void;
  /** @param line a line of the log, as text or as JSON */
  hide(line: string): string;
}

export function createKnownSecrets(): KnownSecrets {
  /** Oldest first; as they are, as within JSON, and in small letters, in which words of servers are compared. */
  const known = new Set<string>();

  function remember(text: string): void {
    known.delete(text);
    known.add(text);
    const [oldest] = known;
    if (known.size > mostSecrets && oldest !== undefined) known.delete(oldest);
  }

  return {
    learn(texts) {
      for (const text of texts) {
        if (text.length < shortestSecret) continue;
        for (const spelling of [text, text.toLowerCase()]) {
          remember(spelling);
          remember(JSON.stringify(spelling).slice(1, -1));
        }
      }
    },
    hide(line) {
      let safe = line;
      for (const secret of known) if (safe.includes(secret)) safe = safe.replaceAll(secret, replacement);
      return safe;
    },
  };
}
