// The headers of an answer.

export function addExchangeHeaders(
  headers: Record<string, string>,
  sessionId: string | undefined,
  queuedMs: number,
): void {
  if (sessionId !== undefined) headers["x-session-id"] = headerText(sessionId);
  if (queuedMs > 0) headers["x-queue-wait-ms"] = String(queuedMs);
}

/** Who answers, as far as that is known when the head goes out. */
export function addServedHeaders(
  headers: Record<string, string>,
  upstream: string,
  model: string,
  attempts: number,
  trimmedMessages: number,
): void {
  headers["x-upstream"] = upstream;
  headers["x-model"] = headerText(model);
  headers["x-attempts"] = String(attempts);
  if (trimmedMessages > 0) headers["x-context-trimmed"] = String(trimmedMessages);
}

const printableAscii = /^[\x20-\x7e]*$/;

/** Clients may name sessions in any script; headers are ASCII. */
export function headerText(text: string): string {
  return printableAscii.test(text) ? text : encodeURIComponent(text);
}
