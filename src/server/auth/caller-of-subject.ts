// The name under which the user of a token is known inside: everything that is kept apart by caller hangs on it.

/** What can be read in a log and in a database as it is. The mark of a digest is not among it. */
const plainSubject = /^[\w.@+-]{1,64}$/;

/** @returns undefined when the subject names nobody */
export function callerOfSubject(subject: unknown): string | undefined {
  // Half of a surrogate pair becomes the same sign in every digest: two users would be one.
  if (typeof subject !== "string" || subject.trim() === "" || !subject.isWellFormed()) return undefined;
  if (plainSubject.test(subject)) return `user:${subject}`;
  return `user:#${new Bun.CryptoHasher("sha256").update(subject).digest("hex").slice(0, 32)}`;
}
