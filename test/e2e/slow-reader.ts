// Reads an event stream piece by piece, so that a test can act in the middle of it.

export interface SlowReader {
  /** What has been read so far. */
  readonly text: string;
  /** Reads on until the text holds the words. @throws {Error} when the stream ends before */
  until(words: string): Promise<void>;
  /** Reads to the end; all that came. */
  rest(): Promise<string>;
  /** Hangs up. */
  leave(): Promise<void>;
}

/** @throws {Error} when the answer is a refusal */
export async function readSlowly(response: Response): Promise<SlowReader> {
  if (response.status !== 200 || response.body === null)
    throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";

  async function readOn(): Promise<boolean> {
    const { done, value } = await reader.read();
    if (value !== undefined) text += decoder.decode(value, { stream: true });
    return !done;
  }
  return {
    get text() {
      return text;
    },
    async until(words) {
      while (!text.includes(words)) {
        if (!(await readOn())) throw new Error(`The stream ended without "${words}":\n${text}`);
      }
    },
    async rest() {
      while (await readOn());
      return text;
    },
    leave: () => reader.cancel(),
  };
}
