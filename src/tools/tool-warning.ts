// What was mended, or could not be, on the way from a model's text to a call: for the log, never for the client.

export type ToolWarningKind =
  /** The markup lacked a closing tag, or a fence its end. */
  | "unclosed-markup"
  /** The call was written while the model was still thinking. */
  | "call-in-reasoning"
  /** The tool's name was written twice, or with something around it. */
  | "name-repaired"
  /** The arguments were no JSON, and are now: nothing was added but brackets, quotes and escapes. */
  | "arguments-repaired"
  /** The arguments are no JSON and are passed on as they came. */
  | "arguments-unreadable"
  /** Values were turned into the type that the schema declares. */
  | "arguments-converted"
  /** A required argument is missing, or one has another type than the schema declares. */
  | "arguments-invalid"
  /** The reply ended within a call, which was given out as text. */
  | "call-cut-off"
  /** What looked like a call grew beyond the limit and was given out as text. */
  | "held-too-long"
  /** A server's call never got a name, and was dropped. */
  | "call-without-name";

export interface ToolWarning {
  readonly kind: ToolWarningKind;
  /** The declared name, as far as it is known. */
  readonly toolName: string | undefined;
}
