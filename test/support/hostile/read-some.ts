// The beginning of an answer, also of one that never ends by itself, such as a live log.

const mostBytes = 4_000_000;
/** A stream that says nothing for so long has said what it had to say. */
const quietMs = 150;

export async function readSome(response: Response): Promise<string> {
  if (response.body === null) return "";
  const isEndless = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  for (let size = 0; size < mostBytes;) {
    const quiet = Promise.withResolvers<undefined>();
    const timer = isEndless ? setTimeout(() => quiet.resolve(undefined), quietMs) : undefined;
    const read = await Promise.race([reader.read(), quiet.promise]);
    clearTimeout(timer);
    if (read === undefined || read.done) break;
    // Elysia hands on texts where it made the body itself.
    chunks.push(read.value);
    size += read.value.byteLength;
  }
  await reader.cancel().catch(() => {});
  return Buffer.concat(chunks).toString();
}
