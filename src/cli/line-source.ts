// Lines of standard input as somebody types them, or as they come through a pipe. Secrets are read without an echo.

export interface LineSource {
  /** Shows the prompt and waits for a line. Undefined: the input is over, or whoever types gave up. */
  readLine(prompt: string, options?: { readonly hidden?: boolean }): Promise<string | undefined>;
}

/** The part of `process.stdin` that is needed. */
export interface LineInput extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
}

const maxLineChars = 65_536;

/** @param show writes a prompt, without a line end */
export function createLineSource(input: LineInput, show: (text: string) => void): LineSource {
  const chunks = input[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  let held = "";
  let isOver = false;

  async function readMore(): Promise<void> {
    const { done, value } = await chunks.next();
    if (done === true) isOver = true;
    else held += typeof value === "string" ? value : decoder.decode(value, { stream: true });
  }

  async function readShown(): Promise<string | undefined> {
    for (;;) {
      const end = held.search(/\r\n|\n|\r/);
      if (end >= 0) {
        const line = held.slice(0, end);
        held = held.slice(held.startsWith("\r\n", end) ? end + 2 : end + 1);
        return line;
      }
      if (isOver || held.length > maxLineChars) {
        const rest = isOver ? held : "";
        held = "";
        isOver = true;
        return rest === "" ? undefined : rest;
      }
      await readMore();
    }
  }

  /** The terminal neither echoes nor edits: Backspace, Ctrl-U, Ctrl-C and Ctrl-D are for us to obey. */
  async function readTyped(): Promise<string | undefined> {
    let line = "";
    for (;;) {
      while (held !== "") {
        const [key = ""] = held;
        held = held.slice(key.length);
        if (key === "\r" || key === "\n") return line;
        if (key === "\u0003" || (key === "\u0004" && line === "")) return undefined;
        if (key === "\u0008" || key === "\u007f") line = line.slice(0, -1);
        else if (key === "\u0015") line = "";
        else if (key >= " " && line.length < maxLineChars) line += key;
      }
      if (isOver) return undefined;
      await readMore();
    }
  }

  return {
    async readLine(prompt, { hidden = false } = {}) {
      const isRaw = hidden && input.isTTY === true && input.setRawMode !== undefined;
      // Before the prompt: whoever answers at once is not echoed either.
      if (isRaw) input.setRawMode?.(true);
      try {
        show(prompt);
        return await (isRaw ? readTyped() : readShown());
      } finally {
        if (isRaw) {
          input.setRawMode?.(false);
          show("\n");
        }
      }
    },
  };
}
