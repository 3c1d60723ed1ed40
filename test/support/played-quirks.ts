// The quirks of compatible servers that no client may see, each as one reply has them.

import type { Quirk } from "../../src/emulator/openai-compatible-emulator.ts";

/** Of calls. */
export const callQuirks: readonly Quirk[][] = [
  ["empty-call-ids"],
  ["no-call-ids"],
  ["late-call-ids"],
  ["repeated-names"],
  ["repeated-ids"],
  ["whole-calls"],
  ["whole-calls", "object-arguments"],
  ["cumulative-arguments"],
  ["same-index"],
  ["index-from-one"],
  ["no-index"],
  ["calls-after-finish"],
  ["finish-stop"],
];

/** Of texts and thoughts, of the end, and of framing. */
export const textQuirks: readonly Quirk[][] = [
  ["think-tags"],
  ["think-tags-too"],
  ["stray-think-close"],
  ["both-reasoning-fields"],
  ["content-after-finish"],
  ["no-role"],
  ["no-done"],
  ["no-usage"],
  ["usage-always"],
  ["usage-on-finish"],
  ["usage-everywhere"],
  ["json-answer"],
  ["crlf"],
  ["no-space"],
];
