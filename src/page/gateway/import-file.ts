// One file to the gateway, and what it tells of the import while it runs.

import { combineSignals } from "../../client/combine-signals.ts";
import { createEventReader } from "../../client/event-reader.ts";
import type { ImportEvent } from "../documents/document.ts";
import { fieldsOf, numberOf, textOf } from "../fields.ts";
import { keyHeaders, RequestError, refusalOf, unreachable } from "./api.ts";
import { parseDocument } from "./parse.ts";

export interface ImportReading {
  readonly key: string | undefined;
  /** Aborted, the gateway keeps nothing of it. */
  readonly signal: AbortSignal;
  onEvent(event: ImportEvent): void;
}

/** Resolves when the gateway has no more to say. @throws {RequestError} */
export type ImportFile = (file: File, reading: ImportReading) => Promise<void>;

/** Longest wait until all of a file was sent, in milliseconds. */
const sendingMs = 15 * 60_000;
/** Longest silence behind that; the gateway says that it is alive every 15 seconds. */
const silenceMs = 60_000;

export const importFile: ImportFile = async (file, { key, signal, onEvent }) => {
  const silence = new AbortController();
  const wait = (ms: number) => setTimeout(() => silence.abort(), ms);
  let timer = wait(sendingMs);
  try {
    const response = await fetch("api/documents", {
      method: "POST",
      headers: { ...keyHeaders(key), accept: "text/event-stream" },
      body: formOf(file),
      signal: combineSignals(signal, silence.signal),
    });
    if (!response.ok || response.body === null) {
      throw new RequestError(refusalOf(await response.json().catch(() => undefined), response.status), response.status);
    }
    const reader = createEventReader(({ data }) => {
      const event = parseEvent(data);
      if (event !== undefined) onEvent(event);
    });
    const texts = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read = await texts.read(); !read.done; read = await texts.read()) {
      clearTimeout(timer);
      timer = wait(silenceMs);
      reader.feed(read.value);
    }
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError(silence.signal.aborted ? fellSilent : unreachable, 0, error);
  } finally {
    clearTimeout(timer);
  }
};

const fellSilent = "The gateway has fallen silent. Look whether the document is there, or try again.";

function formOf(file: File): FormData {
  const form = new FormData();
  form.append("file", file);
  return form;
}

function parseEvent(data: string): ImportEvent | undefined {
  if (data === "[DONE]") return undefined;
  const fields = fieldsOf(JSON.parse(data));
  const stage = textOf(fields["stage"]);
  const progress = numberOf(fields["progress"]);
  const error = textOf(fields["error"]);
  const document = parseDocument(fieldsOf(fields["document"]));
  if (stage !== undefined) return { type: "stage", stage };
  if (progress !== undefined) return { type: "progress", progress };
  if (error !== undefined) return { type: "failure", error };
  if (document === undefined) return undefined;
  return { type: "document", document, isDuplicate: fieldsOf(fields["document"])["is_duplicate"] === true };
}
