// A server whose kind nobody has told: it is asked when it is first needed, and again as long as it does not answer.

import type { Upstream } from "../../../contract/upstream.ts";
import { detectDialect } from "./detect-dialect.ts";
import { missing } from "../forward/forwarding.ts";
import { dialects } from "../dialects/index.ts";
import { sameProtocol } from "../request/request-body.ts";
import { createOpenAICompatibleUpstream, type OpenAICompatibleOptions } from "../upstream.ts";

/** For all questions with one key together; whoever waits may leave before. */
const detectMs = 5000;

export function createDetectedUpstream(options: Omit<OpenAICompatibleOptions, "dialect">): Upstream {
  let known: Upstream | undefined;
  let finding: Promise<Upstream> | undefined;
  const { checkHealth } = createOpenAICompatibleUpstream({ ...options, dialect: dialects.generic });

  async function find(): Promise<Upstream> {
    const { http, baseUrl, keys, headers = {}, log } = options;
    const signal = AbortSignal.timeout(detectMs * Math.max(keys.length, 1));
    const { dialect, isAlive, hasMore, reason } = await detectDialect({ http, baseUrl, keys, headers, signal });
    const more = hasMore === true ? { endpoints: dialects.generic.endpoints } : {};
    const found = createOpenAICompatibleUpstream({ ...options, dialect: { ...dialects[dialect], ...more } });
    if (isAlive) {
      known = found;
      log.info("Detected the kind of an upstream", { upstream: options.name, dialect, reason });
    }
    return found;
  }

  function current(): Upstream | Promise<Upstream> {
    if (known !== undefined) return known;
    finding ??= find().finally(() => {
      finding = undefined;
    });
    return finding;
  }

  return {
    name: options.name,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    protocol: sameProtocol,
    // Those that can be found out all are; one that is not refuses, and is asked in words.
    jsonAnswers: "schema",
    listModels: async (signal) => (await current()).listModels(signal),
    renewModels: async () => known?.renewModels?.(),
    open: async (request, context) => (await current()).open(request, context),
    accounts: () => known?.accounts?.() ?? [],
    // As long as its kind is unknown, by the question that every kind understands.
    ...(checkHealth === undefined
      ? {}
      : { checkHealth: (signal: AbortSignal) => (known?.checkHealth ?? checkHealth)(signal) }),
    forwarding: {
      // Nobody knows before it was asked; what it lacks then is told as missing.
      serves: (endpoint) => known?.forwarding?.serves(endpoint) ?? true,
      async forward(request, context) {
        const { forwarding } = await current();
        if (forwarding?.serves(request.endpoint) !== true) throw missing(options.name, request.endpoint);
        return forwarding.forward(request, context);
      },
    },
  };
}
