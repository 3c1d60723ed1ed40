// One dialect through the contract of all upstreams: a recording of it, played by a small server over HTTP.

import { createFetchClient } from "../../src/outbound/fetch-client.ts";
import type { HttpClient } from "../../src/outbound/http-client.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import type { Dialect } from "../../src/upstreams/openai-compatible/dialect.ts";
import {
  createOpenAICompatibleUpstream,
  type OpenAICompatibleOptions,
} from "../../src/upstreams/openai-compatible/upstream.ts";
import { readCompatible } from "./compatible-recordings.ts";
import { type FakeServer, type Play, serveCompatible } from "./fake-compatible-server.ts";
import { type Behaviour, type ExpectedAnswer, testUpstream } from "./test-upstream.ts";

export interface RecordedDialect extends ExpectedAnswer {
  /** A good answer; a usage is added where the capture has none. */
  readonly recording: string;
}

export const testKey = "sk-very-secret";

export const modelsPlay: Play = {
  body: JSON.stringify({ object: "list", data: [{ id: "qwen3.6-27b", object: "model", created: 1, owned_by: "x" }] }),
};

/** A wing over a server that runs already. */
export function createTestUpstream(
  server: FakeServer,
  changes: Partial<OpenAICompatibleOptions> & { dialect: Dialect },
) {
  return createOpenAICompatibleUpstream({
    name: "mine",
    baseUrl: server.url,
    keys: [testKey],
    defaultModel: "qwen3.6-27b",
    http: createFetchClient((request, options) => fetch(request, options)),
    maxLineBytes: 1_000_000,
    maxCooldownMs: undefined,
    userAgent: "qwen-gateway/test",
    clock: Date.now,
    log: silentLog,
    ...changes,
  });
}

/** @param http @defaultValue over the platform's fetch */
export function testDialect(
  dialect: Dialect,
  { recording, ...expected }: RecordedDialect,
  http: HttpClient = createFetchClient((request, options) => fetch(request, options)),
): void {
  const answer = withUsage(new TextDecoder().decode(readCompatible(recording)));
  testUpstream(dialect.displayName, {
    answer: expected,
    secret: testKey,
    async start(behaviour) {
      const server = serveCompatible([playOf(behaviour, answer)], { "/v1/models": modelsPlay });
      return {
        upstream: createTestUpstream(server, { dialect, http }),
        untilIdle: () => server.untilIdle(),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  });
}

function playOf(behaviour: Behaviour, answer: string): Play {
  switch (behaviour) {
    case "answers":
      return { body: answer };
    case "stalls":
      return { body: beginning(answer), after: "open" };
    case "is-silent":
      return { body: "", after: "silent" };
    case "breaks-off":
      return { body: beginning(answer) };
    case "refuses-credentials":
      return refusal("dashscope-err-401-invalid_api_key.json", 401);
    case "limits":
      return refusal("dashscope-err-429-rate-quota.json", 429);
    case "filters":
      return {
        status: 400,
        contentType: "text/plain",
        body: readCompatible("dashscope-09-http400-body-with-data-prefix.txt"),
      };
    case "fails":
      return { body: readCompatible("vllm-06-keepalive-then-midstream-error.sse") };
    default:
      return behaviour satisfies never;
  }
}

function refusal(recording: string, status: number): Play {
  return { status, body: readCompatible(recording) };
}

/** Everything before the finish. */
function beginning(answer: string): string {
  const events = answer.split("\n\n");
  return `${events
    .slice(
      0,
      events.findIndex((event) => /"finish_reason":"/.test(event)),
    )
    .join("\n\n")}\n\n`;
}

/** Some captures were made without asking for it. */
function withUsage(answer: string): string {
  if (/"usage":\{/.test(answer)) return answer;
  const usage = { choices: [], usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } };
  return answer.replace("data: [DONE]", `data: ${JSON.stringify(usage)}\n\ndata: [DONE]`);
}
