// Vectors of texts, by whichever upstream serves the model that the settings name.

import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import { randomId } from "../contract/random-id.ts";
import type { Embed } from "../documents/embeddings.ts";
import type { Gateway } from "../gateway/gateway.ts";

/** DashScope takes ten texts a request, and no server fewer (2026-10). */
const textsPerRequest = 10;

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
  const answer: unknown = await response.json();
  if (!response.ok) throw new GatewayError("upstream-failed", `Cannot embed the texts: ${messageOf(answer)}`);
  const data = isJsonObject(answer) && Array.isArray(answer["data"]) ? (answer["data"] as unknown[]) : [];
  const vectors: Float32Array[] = [];
  for (const [at, one] of data.entries()) {
    const index = isJsonObject(one) && typeof one["index"] === "number" ? one["index"] : at;
    const values = isJsonObject(one) ? one["embedding"] : undefined;
    if (!Array.isArray(values) || !values.every((value) => typeof value === "number")) {
      throw new GatewayError("upstream-failed", "Cannot embed the texts: the answer holds no vectors");
    }
    vectors[index] = Float32Array.from(values as number[]);
  }
  return vectors;
}

function messageOf(answer: unknown): string {
  const error = isJsonObject(answer) ? answer["error"] : undefined;
  return isJsonObject(error) && typeof error["message"] === "string" ? error["message"] : "the upstream refused";
}
