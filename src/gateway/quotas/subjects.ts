// The names under which amounts are counted: of a caller, or of one of his sessions.

const sessionMark = " session:";

/** A session that a client has named; what it is called stands nowhere. */
export function sessionSubject(caller: string, sessionId: string): string {
  const digest = new Bun.CryptoHasher("sha256").update(sessionId).digest("hex").slice(0, 32);
  return `${caller}${sessionMark}${digest}`;
}

/** Between which all sessions of a caller stand. */
export function sessionRange(caller: string): { readonly after: string; readonly before: string } {
  return { after: caller + sessionMark, before: `${caller} session;` };
}

export function partsOfSubject(subject: string): { readonly caller: string; readonly session: string | undefined } {
  const at = subject.lastIndexOf(sessionMark);
  if (at < 0) return { caller: subject, session: undefined };
  return { caller: subject.slice(0, at), session: subject.slice(at + sessionMark.length) };
}
