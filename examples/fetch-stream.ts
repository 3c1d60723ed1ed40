// A stream read by hand: fetch, lines, JSON, nothing else. What a library does for you, and what to mind where there is none.
// Start a gateway first, then: bun examples/fetch-stream.ts

const response = await fetch(`${process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1"}/chat/completions`, {
  method: "POST",
  headers: { "content-type": "application/json", authorization: `Bearer ${process.env["API_KEY"] ?? "none"}` },
  body: JSON.stringify({
    model: "qwen3-max",
    stream: true,
    messages: [{ role: "user", content: "Count from 1 to 20" }],
  }),
});
// Before the first word a failure is a status and one JSON document.
if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);

interface Chunk {
  readonly choices?: readonly { readonly delta: { readonly content?: string | null } }[];
  readonly error?: { readonly message: string };
}

let isWhole = false;
for await (const data of readData(response.body!)) {
  // The only sign of a whole answer: a stream that ends without it was cut.
  if (data === "[DONE]") {
    isWhole = true;
    break;
  }
  const chunk = JSON.parse(data) as Chunk;
  // From the first word on a failure is a frame.
  if (chunk.error !== undefined) throw new Error(chunk.error.message);
  // The last chunk may have no choice at all, but the usage.
  process.stdout.write(chunk.choices?.[0]?.delta.content ?? "");
}
if (!isWhole) throw new Error("The answer was cut");
console.log();

/** The `data` of each event. Chunks end anywhere, in the middle of a sign too; lines that begin with ":" are heartbeats. */
async function* readData(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let unfinished = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (unfinished + text).split(/\r?\n/);
    unfinished = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data:")) yield line.slice("data:".length).trimStart();
  }
}
