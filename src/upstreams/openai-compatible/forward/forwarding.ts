// Requests for the endpoints beside chat: sent as they came, by the key that is next, and judged before they are passed on.

import type {
  ForwardBody,
  ForwardContext,
  ForwardedAnswer,
  ForwardEndpoint,
  Forwarding,
  ForwardRequest,
} from "../../../contract/forward.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import type { Log } from "../../../telemetry/log.ts";
import type { ResponseHeaders } from "../../../outbound/http-client.ts";
import type { CompatibleClient } from "../client.ts";
import type { EndpointPaths } from "../dialect.ts";
import type { RefusalSource } from "../refusals/errors.ts";
import { judgeAnswer, toldType } from "./forwarded-answer.ts";
import type { KeyRing, KeyUse } from "../servers/keys.ts";
import { isAboutKey, UpstreamRefusal } from "../refusals/refusal.ts";

export interface ForwardingOptions {
  /** Of the upstream. */
  readonly name: string;
  readonly endpoints: EndpointPaths;
  readonly client: CompatibleClient;
  readonly keys: KeyRing;
  readonly source: RefusalSource;
  /** What a server tells of its limits holds for everybody who waits. */
  tellOfHeaders(context: Pick<ForwardContext, "limits">, headers: ResponseHeaders): void;
  tellOfRefusal(context: Pick<ForwardContext, "limits">, refusal: UpstreamRefusal): void;
  readonly log: Log;
}

export function createForwarding(options: ForwardingOptions): Forwarding {
  const { name, endpoints, client, keys, source, log } = options;

  async function forward(request: ForwardRequest, context: ForwardContext): Promise<ForwardedAnswer> {
    const { signal, deadlineMs } = context;
    // A limit of a model is one of its requests without a name, too.
    const model = request.model ?? "";
    const except = new Set<string>();
    for (;;) {
      const key = await keys.pick({ model, except, signal, deadlineMs });
      try {
        return await send(request, key, context);
      } catch (error) {
        key.end();
        if (!(error instanceof UpstreamRefusal)) throw error;
        keys.note(key.id, model, error);
        options.tellOfRefusal(context, error);
        except.add(key.id);
        const canRepeat = request.body.type === "bytes" && isAboutKey(error.reason) && keys.hasReady(model, except);
        if (!canRepeat) throw error;
        log.info("Another key is asked", { requestId: context.requestId, upstream: name, refusedBy: key.id });
      }
    }
  }

  async function send(request: ForwardRequest, key: KeyUse, context: ForwardContext): Promise<ForwardedAnswer> {
    const { signal } = context;
    const { endpoint, contentType, accept, body } = request;
    const path = endpoints[endpoint];
    if (path === undefined) throw missing(name, endpoint);
    const sizeBytes = body.type === "stream" ? body.sizeBytes : undefined;
    const sent = { contentType, accept, body: bodyOf(body), sizeBytes };
    const response = await client.post(path, sent, key.secret, signal);
    options.tellOfHeaders(context, response.headers);
    const judged = await judgeAnswer(response, client.factsOf(response), source, signal);
    if (judged === "missing") throw missing(name, endpoint);
    return {
      account: key.id,
      status: response.status,
      contentType: toldType(response.headers.get("content-type") ?? undefined),
      body: judged,
      onEnd: () => key.end(),
    };
  }

  return { serves: (endpoint) => endpoints[endpoint] !== undefined, forward };
}

function bodyOf(body: ForwardBody): readonly Uint8Array[] | ReadableStream<Uint8Array> {
  return body.type === "stream" ? body.open() : body.pieces;
}

/** The server has no such address, or nothing there that does it. */
export function missing(upstream: string, endpoint: ForwardEndpoint): GatewayError {
  return new GatewayError(
    "not-served",
    `Cannot serve /v1/${endpoint}: the upstream "${upstream}" does not have it. Configure one that does, or name it by X-Upstream`,
    { upstream },
  );
}
