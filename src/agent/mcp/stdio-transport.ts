// An MCP transport over the pipes of a child process. In place of the SDK's own, which ends the child alone and leaves
// what that has started (npx its server), takes four seconds for it, and waits forever to write to one that is gone.

import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { othersFirst } from "../../contract/others-first.ts";
import { settledWithin } from "../../contract/settled-within.ts";
import { errorOf } from "../../contract/thrown.ts";
import { cleanLine } from "./clean-text.ts";
import { endChild, signalGroup, type EndTimes } from "./end-child.ts";
import { createLineReader } from "./line-reader.ts";
import { oversizedAnswer } from "./oversized-answer.ts";

export interface StdioTransportOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly maxMessageBytes: number;
  readonly endTimes: EndTimes;
  /** Checks one message. @throws when it is none */
  parse(value: unknown): JSONRPCMessage;
  /** A line of the child's standard error. */
  onErrorLine?(line: string): void;
  /** It leads a group of processes. @returns what is called when nobody is left of it */
  onProcess?(pid: number): () => void;
}

export interface StdioTransport extends Transport {
  /** How the child ended, in words that follow "its process". */
  ending(): string | undefined;
}

/** Nobody has read the message, nor will. */
export class UnsentError extends Error {
  override readonly name = "UnsentError";
  readonly code = "EPIPE";

  constructor(options?: ErrorOptions) {
    super("the process has ended", options);
  }
}

/** So much is read at a stretch: others want to be served as well. */
const stretchBytes = 128 * 1024;
/** How long what an ended process has written may take to be read. */
const lastWordsMs = 500;
const maxErrorLineBytes = 8192;

export function createStdioTransport(options: StdioTransportOptions): StdioTransport {
  let child: Bun.Subprocess<"pipe", "pipe", "pipe"> | undefined;
  let ending: string | undefined;
  let closing: Promise<void> | undefined;

  const transport: StdioTransport = {
    ending: () => ending,
    async start() {
      const { command, args, environment, cwd } = options;
      child = Bun.spawn([command, ...args], {
        env: { ...environment },
        ...(cwd === undefined ? {} : { cwd }),
        stdio: ["pipe", "pipe", "pipe"],
        detached: process.platform !== "win32",
        windowsHide: true,
      });
      const over = options.onProcess?.(child.pid);
      const reading = readMessages(child.stdout);
      void readErrors(child.stderr);
      void child.exited.then(async (code) => {
        ending ??= child?.signalCode == null ? `ended with code ${code}` : `was ended by ${child.signalCode}`;
        // What it has started would stay, and hold its pipes open.
        if (child !== undefined) signalGroup(child.pid, "SIGKILL");
        over?.();
        // It may have answered before it went.
        await settledWithin(reading, lastWordsMs);
        transport.onclose?.();
      });
    },
    async send(message) {
      if (child === undefined || ending !== undefined) throw new UnsentError();
      try {
        child.stdin.write(`${JSON.stringify(message)}\n`);
        // Not awaited: whoever does not read must not hold up whoever asks.
        Promise.resolve(child.stdin.flush()).catch(ignoreBrokenPipe);
      } catch (error) {
        throw new UnsentError({ cause: error });
      }
    },
    close() {
      closing ??= child === undefined ? Promise.resolve() : endChild(child, options.endTimes);
      return closing;
    },
  };

  async function readMessages(output: ReadableStream<Uint8Array>): Promise<void> {
    const lines = createLineReader(options.maxMessageBytes, {
      line: receive,
      tooLong(ends) {
        const answer = oversizedAnswer(ends);
        if (answer !== undefined) transport.onmessage?.(answer);
        else transport.onerror?.(new Error("a message is too long"));
      },
      endless() {
        ending = "wrote a message without an end";
        void transport.close();
      },
    });
    await readChunks(output, (chunk) => lines.feed(chunk));
  }

  function receive(line: string): void {
    let messages: readonly JSONRPCMessage[];
    try {
      const value: unknown = JSON.parse(line);
      // Up to the version of 2025-03-26 several answers may come as one list.
      messages = (Array.isArray(value) ? value : [value]).map((one) => options.parse(one));
    } catch (error) {
      // Servers print what is meant for people: the next line may be a message again.
      transport.onerror?.(errorOf(error));
      return;
    }
    for (const message of messages) transport.onmessage?.(message);
  }

  async function readErrors(output: ReadableStream<Uint8Array>): Promise<void> {
    const lines = createLineReader(maxErrorLineBytes, {
      line: (text) => options.onErrorLine?.(cleanLine(text, 500)),
      tooLong() {},
      endless() {},
    });
    await readChunks(output, (chunk) => lines.feed(chunk));
  }

  return transport;
}

async function readChunks(output: ReadableStream<Uint8Array>, read: (chunk: Uint8Array) => void): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of output) {
      read(chunk);
      bytes += chunk.length;
      if (bytes < stretchBytes) continue;
      bytes = 0;
      await othersFirst();
    }
  } catch {
    // A pipe that breaks is the end of the process, which is told by itself.
  }
}

function ignoreBrokenPipe(): void {
  // The end of the process is told by itself.
}
