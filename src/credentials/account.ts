// An account of an upstream: what it is called and what it sends along. Nothing here is ever logged or shown.

export interface Account {
  /** Stable on every machine: derived from the token's user where there is one. */
  readonly id: string;
  /** What logs and error sentences call it. */
  readonly alias: string;
  /** Bearer token, without the word "Bearer". */
  readonly token: string | undefined;
  /** The whole Cookie header, as the browser sends it. */
  readonly cookies: string | undefined;
  /** Whatever else the user captured, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The claims of a JWT, unverified: it is somebody else's token. Undefined when it is no JWT. */
export function tokenClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? { ...claims } : undefined;
  } catch {
    // Not a JWT: an opaque token is as good.
    return undefined;
  }
}
