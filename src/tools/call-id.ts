// Ids for calls that came without one.

/** `call_` and 24 random signs, the form that OpenAI's clients know. */
export function createCallId(): string {
  return `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
}
