// What a client of the gateway's own MCP server has sent. What it left open may stand there as null: the SDK refuses that.

import { type Readable, Transform } from "node:stream";
import { isJsonObject } from "../contract/json.ts";
import { createLineReader } from "./mcp/line-reader.ts";
import { withoutOpenFields } from "./open-fields.ts";

/** Beyond it the SDK ends the connection, too. */
const maxLineBytes = 10 * 1024 * 1024;

/** @returns undefined where it is no JSON: the SDK says so */
export async function readOwnMessage(request: Request): Promise<unknown> {
  try {
    // As text, which leaves out a mark of the byte order.
    const message: unknown = JSON.parse(await request.text());
    return Array.isArray(message) ? message.map(readOne) : readOne(message);
  } catch {
    return undefined;
  }
}

/** @returns the messages of an input, one a line; what is none as it came. It ends with a line that is too long */
export function readOwnLines(input: Readable): Transform {
  let hasEnded = false;
  const end = (): void => {
    if (!hasEnded) output.push(null);
    hasEnded = true;
  };
  const lines = createLineReader(maxLineBytes, {
    line: (line) => void (hasEnded || output.push(`${readLine(line)}\n`)),
    tooLong: end,
    endless: end,
  });
  const output = new Transform({
    transform(chunk: Uint8Array, _encoding, taken) {
      lines.feed(chunk);
      taken();
    },
    flush(taken) {
      end();
      taken();
    },
  });
  return input.pipe(output);
}

function readLine(line: string): string {
  try {
    const message: unknown = JSON.parse(line);
    const messages = Array.isArray(message) ? message : [message];
    return messages.map((one) => JSON.stringify(readOne(one))).join("\n");
  } catch {
    return line;
  }
}

function readOne(message: unknown): unknown {
  if (!isJsonObject(message)) return message;
  const { params, ...rest } = message;
  // An id of null stays: without it a request would be a notification, which nobody answers.
  if (params == null) return rest;
  return { ...rest, params: isJsonObject(params) ? withoutOpenFields(params) : params };
}
