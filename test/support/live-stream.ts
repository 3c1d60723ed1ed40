// Streams read piece by piece, for tests that must see a frame before the next one is made, and raw HTTP answers.

import { type Frame, parseFrames } from "./sse-frames.ts";

export interface LiveStream {
  /** The next frame; comments are passed over. Undefined at the end. */
  next(): Promise<Frame | undefined>;
  /** The next frame that carries text: its text. Throws at the end of the stream. */
  nextText(): Promise<string>;
  /** The next frame or comment, as it stands without its blank line. */
  nextBlock(): Promise<string | undefined>;
  /** Everything that follows, comments included. */
  rest(): Promise<string>;
  /** Hangs up. */
  cancel(): Promise<void>;
}

/** Of chat chunks and of legacy ones. */
interface TextChoice {
  readonly delta?: { readonly content?: string };
  readonly text?: string;
}

export function readLive(response: Response): LiveStream {
  if (response.body === null) throw new Error("the answer has no body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";

  async function more(): Promise<boolean> {
    const { done, value } = await reader.read();
    if (done) return false;
    pending += value;
    return true;
  }

  async function nextBlock(): Promise<string | undefined> {
    for (;;) {
      const end = pending.indexOf("\n\n");
      if (end >= 0) {
        const block = pending.slice(0, end);
        pending = pending.slice(end + 2);
        return block;
      }
      if (!(await more())) return undefined;
    }
  }

  async function next(): Promise<Frame | undefined> {
    for (;;) {
      const block = await nextBlock();
      if (block === undefined) return undefined;
      const [frame] = parseFrames(`${block}\n\n`);
      if (frame !== undefined) return frame;
    }
  }

  return {
    next,
    nextBlock,
    async nextText() {
      for (;;) {
        const frame = await next();
        if (frame === undefined) throw new Error("the stream ended before another text came");
        if (frame.data === "[DONE]") continue;
        // The shape is what the tests assert.
        const { choices } = JSON.parse(frame.data) as { choices: readonly TextChoice[] };
        const text = choices[0]?.delta?.content ?? choices[0]?.text;
        if (text !== undefined && text !== "") return text;
      }
    },
    async rest() {
      while (await more());
      const text = pending;
      pending = "";
      return text;
    },
    cancel: () => reader.cancel(),
  };
}

export interface RawAnswer {
  /** Status line and headers as they came. */
  readonly head: string;
  /** Everything behind the head, chunk sizes included. */
  readonly body: string;
}

/** One POST over a bare socket; resolves when `isEnough` says so of all that came, or when the other side closes. */
export function postRaw(
  url: string,
  path: string,
  body: unknown,
  isEnough: (received: string) => boolean,
): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(url);
  const bytes = Buffer.from(JSON.stringify(body));
  const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const received: Buffer[] = [];
  const answer = (): RawAnswer => {
    const text = Buffer.concat(received).toString();
    const end = text.indexOf("\r\n\r\n");
    return { head: text.slice(0, end), body: text.slice(end + 4) };
  };
  Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open(socket) {
        socket.write(head);
        socket.write(bytes);
      },
      data(socket, chunk) {
        received.push(Buffer.from(chunk));
        if (!isEnough(Buffer.concat(received).toString())) return;
        resolve(answer());
        socket.end();
      },
      close: () => resolve(answer()),
      error: (_socket, error) => reject(error),
    },
  }).catch(reject);
  return promise;
}
