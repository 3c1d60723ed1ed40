// Tokens as the backend shapes them. Nobody checks their signature, so it is a mere word.

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function jwt(payload: object): string {
  return `${encode({ alg: "HS256", typ: "JWT" })}.${encode(payload)}.c2lnbmF0dXJl`;
}

/** Of 2026-09: dies when it says, and the emulator looks at that. */
export function accessToken(user: string, lifeMs: number, nowMs: number = Date.now()): string {
  const exp = Math.floor((nowMs + lifeMs) / 1000);
  return jwt({ id: user, type: "access_token", exp, iat: exp - 900 });
}

/** Of 2025: nobody looks at what it says of its end. */
export function longToken(user: string, endsAtMs = 1_762_094_985_000): string {
  return jwt({ id: user, last_password_change: 1_761_485_419, exp: Math.floor(endsAtMs / 1000) });
}

export function refreshTokenOf(user: string): string {
  return jwt({ id: user, type: "refresh_token" });
}

/** A whole Cookie header. */
export function cookiesOf(user: string, token: string): string {
  return `cna=abc123; token=${token}; refresh_token=${refreshTokenOf(user)}; x-ap=ap-southeast-1`;
}
