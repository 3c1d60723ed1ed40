// Names of sessions that serve one request of the gateway's own, such as the questions of an agent's run: they are
// forgotten with it, and in no list before.

/** Unused for so long they are nobody's any more: their process was killed. A run that goes on later begins a new one. */
export const passingTimeoutMs = 60 * 60 * 1000;

/** What their ids begin with. No client names one so: blanks around its ids are cut off. */
export const passingMark = " ";

export function passingSessionId(purpose: string, id: string): string {
  return `${passingMark}${purpose}-${id}`;
}

export function isPassingSession(sessionId: string): boolean {
  return sessionId.startsWith(passingMark);
}
