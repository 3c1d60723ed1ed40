// Vectors of texts, by whichever upstream serves the model that the settings name.

import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import { randomId } from "../contract/random-id.ts";
import type { Embed } from "../documents/embeddings.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { fromStream } from "../outbound/fetch-client.ts";
import { readBytes } from "../outbound/read-bytes.ts";

/** DashScope takes ten texts a request, and no server fewer (2026-10). */
const textsPerRequest = 10;
/** Of an answer: ten vectors of 4096 numbers take a megabyte. */
const maxAnswerBytes = 8 * 1024 * 1024;

/** @param model as a client would write it in `POST /v1/embeddings` */
export function embedThrough(gateway: Pick<Gateway, "forward">, model: string): Embed {
  return async (texts, signal) => {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += textsPerRequest) {
      const input = texts.slice(start, start + textsPerRequest);
      vectors.push(...(await embed(gateway, model, input, signal)));
    }
    return vectors;
  };
}

async function embed(
  gateway: Pick<Gateway, "forward">,
  model: string,
  input: readonly string[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const response = await gateway.forward({
    endpoint: "embeddings",
    body: new TextEncoder().encode(JSON.stringify({ model, input, encoding_format: "float" })),
    headers: new Headers({ "content-type": "application/json" }),
    signal,
    caller: "local",
    requestId: `req_${randomId()}`,
  });
  const answer = await readAnswer(response, signal);
  if (!response.ok) throw new GatewayError("upstream-failed", `Cannot embed the texts: ${messageOf(answer)}`);
  const data = isJsonObject(answer) && Array.isArray(answer["data"]) ? (answer["data"] as unknown[]) : [];
  const vectors: Float32Array[] = [];
  for (const [at, one] of data.entries()) {
    const index = isJsonObject(one) && typeof one["index"] === "number" ? one["index"] : at;
    const values = isJsonObject(one) ? one["embedding"] : undefined;
    const isVector = Array.isArray(values) && values.every((value) => typeof value === "number");
    if (!isVector || !(index >= 0 && index < input.length)) {
      throw new GatewayError("upstream-failed", "Cannot embed the texts: the answer holds no vectors");
    }
    vectors[index] = Float32Array.from(values as number[]);
  }
  return vectors;
}

async function readAnswer({ body }: Response, signal: AbortSignal): Promise<unknown> {
  if (body === null) return undefined;
  const bytes = await readBytes(fromStream(body), maxAnswerBytes, signal);
  if (bytes !== undefined) return JSON.parse(new TextDecoder().decode(bytes));
  throw new GatewayError(
    "upstream-failed",
    `Cannot embed the texts: the answer is longer than ${maxAnswerBytes} bytes`,
  );
}

function messageOf(answer: unknown): string {
  const error = isJsonObject(answer) ? answer["error"] : undefined;
  return isJsonObject(error) && typeof error["message"] === "string" ? error["message"] : "the upstream refused";
}
