// Has the gateway write down what was said.

import { combineSignals } from "../../client/combine-signals.ts";
import { fieldsOf, textOf } from "../fields.ts";
import { keyHeaders, refusalOf, RequestError, unreachable } from "./api.ts";

const timeoutMs = 120_000;
const endings: readonly (readonly [RegExp, string])[] = [
  [/mp4|aac/, "mp4"],
  [/ogg/, "ogg"],
  [/wav/, "wav"],
];

/** @throws {RequestError} that says why, for a person */
export async function transcribe(
  said: Blob,
  model: string,
  key: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const form = new FormData();
  // The model first: the gateway sends the rest on as it comes.
  form.set("model", model);
  form.set("response_format", "json");
  form.set("file", said, `speech.${endings.find(([type]) => type.test(said.type))?.[1] ?? "webm"}`);
  const response = await fetch("v1/audio/transcriptions", {
    method: "POST",
    headers: keyHeaders(key),
    body: form,
    signal: combineSignals(signal, AbortSignal.timeout(timeoutMs)),
  }).catch((error: unknown) => {
    throw new RequestError(unreachable, 0, error);
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw new RequestError(refusalOf(body, response.status), response.status);
  return (textOf(fieldsOf(body)["text"]) ?? "").trim();
}
