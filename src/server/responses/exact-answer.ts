// Answers that tell what was read elsewhere: numbers that a double cannot hold stay as they were written.

import { stringifyExact } from "../../contract/exact-json.ts";

export function exactAnswer(value: unknown): Response {
  return new Response(stringifyExact(value), { headers: { "content-type": "application/json;charset=utf-8" } });
}
