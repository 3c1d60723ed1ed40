// Names of sessions that serve one request of the gateway's own, such as the questions of an agent's run: they are
// forgotten with it, and in no list before.

/** What their ids begin with. No client names one so: blanks around its ids are cut off. */
export const passingMark = " ";

export function passingSessionId(purpose: string, id: string): string {
  return `${passingMark}${purpose}-${id}`;
}

export function isPassingSession(sessionId: string): boolean {
  return sessionId.startsWith(passingMark);
}
