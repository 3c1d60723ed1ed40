// Requests for more vectors than a server makes at once: sent in batches, and answered by one answer of them all.

import type {
  ForwardBody,
  ForwardContext,
  ForwardedAnswer,
  Forwarding,
  ForwardRequest,
} from "../../../contract/forward.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../contract/json.ts";
import { parseRequestBody } from "../../../conversation/parse-body.ts";
import { readBytes } from "../../../outbound/read-bytes.ts";
import { withRetry } from "../../../outbound/retry.ts";
import { parseObject } from "../../parse-object.ts";

/** As at OpenAI. */
const mostInputs = 2048;
/** Of a batch: ten vectors of 2048 numbers take half a megabyte. */
const maxAnswerBytes = 8 * 1024 * 1024;
const encoder = new TextEncoder();

/** @param most inputs that the server takes at once; undefined: any number */
export function inBatches(forwarding: Forwarding, most: number | undefined): Forwarding {
  if (most === undefined) return forwarding;
  return {
    serves: (endpoint) => forwarding.serves(endpoint),
    async forward(request, context) {
      const fields = request.endpoint === "embeddings" ? fieldsOf(request.body) : undefined;
      const inputs = inputsIn(fields);
      if (fields === undefined || inputs.length <= most) return forwarding.forward(request, context);
      const joined = new JoinedAnswer();
      for (let from = 0; from < inputs.length; from += most) {
        const input = inputs.slice(from, from + most);
        const ask = () => askFor(forwarding, request, { ...fields, input }, context);
        const { signal, deadlineMs, retry } = context;
        // What the batches before it have given is not thrown away for a failure that passes.
        joined.add(from === 0 ? await ask() : await withRetry(ask, { ...retry, signal, deadlineMs }), input.length);
      }
      return joined.finish();
    },
  };
}

/** @throws {GatewayError} `invalid-request` */
function fieldsOf(body: ForwardBody): JsonObject | undefined {
  const fields = body.type === "bytes" ? parseRequestBody(Buffer.concat(body.pieces)) : undefined;
  return isJsonObject(fields) ? fields : undefined;
}

/** Numbers are the tokens of one input. @throws {GatewayError} `invalid-request` */
function inputsIn(fields: JsonObject | undefined): readonly Json[] {
  const input = fields?.["input"];
  if (!Array.isArray(input) || typeof input[0] === "number") return [];
  if (input.length <= mostInputs) return input;
  throw new GatewayError("invalid-request", `Invalid request: "input" must have at most ${mostInputs} entries`, {
    param: "input",
  });
}

interface Answered {
  readonly account: string;
  /** Undefined: it is no object, or too long for one. */
  readonly said: JsonObject | undefined;
}

async function askFor(
  forwarding: Forwarding,
  request: ForwardRequest,
  batch: JsonObject,
  context: ForwardContext,
): Promise<Answered> {
  const body: ForwardBody = { type: "bytes", pieces: [encoder.encode(JSON.stringify(batch))] };
  const answer = await forwarding.forward({ ...request, body }, context);
  try {
    const isWhole = answer.body instanceof Uint8Array;
    const bytes = isWhole ? answer.body : await readBytes(answer.body, maxAnswerBytes, context.signal);
    context.alive();
    return { account: answer.account, said: bytes && parseObject(Buffer.from(bytes).toString()) };
  } finally {
    answer.onEnd();
  }
}

/** Written batch by batch: all vectors at once would hold up everybody else. */
class JoinedAnswer {
  readonly #pieces: Uint8Array[] = [];
  readonly #usage: Record<string, number> = {};
  #count = 0;
  #rest: JsonObject = {};
  #account = "";

  /** @throws {GatewayError} when it does not hold a vector for each input */
  add({ account, said }: Answered, inputs: number): void {
    const { data, usage, ...rest } = said ?? {};
    if (!Array.isArray(data) || data.length !== inputs || !data.every(isJsonObject)) {
      throw new GatewayError(
        "upstream-failed",
        "The upstream's answer does not hold a vector for each input: try again",
      );
    }
    const vectors = data.map((entry, at) => {
      const index = typeof entry["index"] === "number" ? entry["index"] : at;
      return JSON.stringify({ ...entry, index: this.#count + index });
    });
    this.#pieces.push(encoder.encode(`${this.#count === 0 ? "" : ","}${vectors.join(",")}`));
    this.#count += inputs;
    this.#rest = rest;
    this.#account = account;
    for (const [name, amount] of Object.entries(isJsonObject(usage) ? usage : {})) {
      if (typeof amount === "number") this.#usage[name] = (this.#usage[name] ?? 0) + amount;
    }
  }

  finish(): ForwardedAnswer {
    const { object, ...rest } = this.#rest;
    const head = JSON.stringify({ object: object ?? "list", data: [] }).slice(0, -2);
    // The counts stand at the end, where they are looked for.
    const tail = JSON.stringify({ ...rest, usage: this.#usage }).slice(1);
    return {
      account: this.#account,
      status: 200,
      contentType: "application/json",
      body: Buffer.concat([encoder.encode(head), ...this.#pieces, encoder.encode(`],${tail}`)]),
      onEnd() {},
    };
  }
}
