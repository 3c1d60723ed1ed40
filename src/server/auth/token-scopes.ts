// What the claims of a token allow: words of `scope` (RFC 8693, a text) or `scp` (a text or a list), among words that mean
// nothing here.

import type { Scopes } from "../../contract/access.ts";

const kinds = { model: "models", surface: "surfaces", upstream: "upstreams" } as const;

/**
 * `admin`, `model:PATTERN`, `surface:NAME`, `upstream:NAME`. Without a word of a kind all of that kind is allowed; without
 * `admin` nothing of the administration is.
 */
export function scopesOfClaims(claims: Readonly<Record<string, unknown>>): Scopes {
  const words = [...wordsOf(claims["scope"]), ...wordsOf(claims["scp"])];
  const scopes: { models?: string[]; surfaces?: string[]; upstreams?: string[]; admin: boolean } = {
    admin: words.includes("admin"),
  };
  for (const word of words) {
    const colon = word.indexOf(":");
    const kind = word.slice(0, colon);
    if (colon < 0 || !Object.hasOwn(kinds, kind)) continue;
    // Own, as was asked.
    const field = kinds[kind as keyof typeof kinds];
    scopes[field] = [...(scopes[field] ?? []), word.slice(colon + 1)];
  }
  return scopes;
}

function wordsOf(claim: unknown): readonly string[] {
  if (typeof claim === "string") return claim.split(" ").filter((word) => word !== "");
  return Array.isArray(claim) ? claim.filter((word): word is string => typeof word === "string") : [];
}
