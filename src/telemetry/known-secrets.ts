// Texts that are secret wherever they stand, and whatever they look like: keys, tokens and cookies that this gateway was given.

import { NewestTexts } from "./newest-texts.ts";

/**
 * Of the settings, and of each other owner, whose tokens are renewed for as long as the process runs. All of them are looked
 * for in each line: 0.8 ms for those of 100 accounts, and 1.8 ms were it 500 of each (measured on 1.4.5).
 */
const mostOfSettings = 2000;
const mostOfOwner = 200;
/** Accounts come and go for as long as the process runs, and nobody says which of them are still in use. */
const mostOwners = 2000;
/** Shorter ones cannot be told from words. */
const shortestSecret = 8;
const replacement = "[redacted]";

export interface KnownSecrets {
  /**
   * Blacks these out, too, from now on. Those of before go on to count: what they served may still run.
   * @param owner such as an account: what is learnt of one makes nothing of others be forgotten. @defaultValue the settings
   */
  learn(texts: Iterable<string>, owner?: string): void;
  /** @param line a line of the log, as text or as JSON */
  hide(line: string): string;
}

export function createKnownSecrets(): KnownSecrets {
  /** As they are, as within JSON, and in small letters, in which words of servers are compared. */
  const ofSettings = new NewestTexts(mostOfSettings);
  const ofOwners = new Map<string, NewestTexts>();

  function textsOf(owner: string | undefined): NewestTexts {
    if (owner === undefined) return ofSettings;
    const texts = ofOwners.get(owner) ?? new NewestTexts(mostOfOwner);
    // To the end: the first is the one that has learnt nothing for the longest time.
    ofOwners.delete(owner);
    ofOwners.set(owner, texts);
    const [oldest] = ofOwners.keys();
    if (ofOwners.size > mostOwners && oldest !== undefined) ofOwners.delete(oldest);
    return texts;
  }

  return {
    learn(texts, owner) {
      const spellings = new Set<string>();
      for (const text of texts) {
        if (text.length < shortestSecret) continue;
        for (const spelling of [text, text.toLowerCase()]) {
          spellings.add(spelling).add(JSON.stringify(spelling).slice(1, -1));
        }
      }
      textsOf(owner).add(spellings);
    },
    hide(line) {
      let safe = line;
      for (const texts of [ofSettings, ...ofOwners.values()]) {
        for (const secret of texts) if (safe.includes(secret)) safe = safe.replaceAll(secret, replacement);
      }
      return safe;
    },
  };
}
