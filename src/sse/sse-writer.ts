// Events to frames. The counterpart of the decoder for whoever builds frames from text; raw bytes need none of it.

const encoder = new TextEncoder();
const lineEnd = /\r\n|\r|\n/;

/** The last frame of OpenAI's streams. Shared: never written to. */
export const doneFrame: Uint8Array = encoder.encode("data: [DONE]\n\n");

/**
 * One whole frame. Objects become JSON; text with line ends becomes several data lines, which the reader joins by LF.
 * @param type Without it the reader sees the type "message".
 */
export function formatSseEvent(data: string | object, type?: string): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  const typeLine = type === undefined ? "" : `event: ${oneLine(type)}\n`;
  return `${typeLine}${prefixLines("data: ", text)}\n`;
}

/** The same as bytes, ready to be enqueued. */
export function sseFrame(data: string | object, type?: string): Uint8Array {
  return encoder.encode(formatSseEvent(data, type));
}

/** A frame that readers skip: says only that the stream is alive. */
export function commentFrame(text: string): Uint8Array {
  return encoder.encode(`${prefixLines(": ", text)}\n`);
}

function prefixLines(prefix: string, text: string): string {
  let lines = "";
  for (const line of text.split(lineEnd)) lines += `${prefix}${line}\n`;
  return lines;
}

/** A line end in an event's type would start a field of its own. */
function oneLine(text: string): string {
  return text.split(lineEnd).join(" ");
}
