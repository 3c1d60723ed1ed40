// What clients write where they have nothing to say and their protocol wants something.

/** Lower case. */
export const placeholders: ReadonlySet<string> = new Set(["(no content)", "[no content]"]);
