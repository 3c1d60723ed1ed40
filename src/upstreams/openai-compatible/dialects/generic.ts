// Any other server that speaks OpenAI chat completions: fields are passed on as the client wrote them, nothing is trusted.

import { forwardEndpoints } from "../../../contract/forward.ts";
import type { Dialect, EndpointPaths } from "../dialect.ts";
import { selfHostedRequest } from "./self-hosted.ts";

/** Whether it has them, it says itself. */
const openaiPaths: EndpointPaths = Object.fromEntries(forwardEndpoints.map((endpoint) => [endpoint, endpoint]));

export const generic: Dialect = {
  name: "generic",
  displayName: "The upstream",
  baseUrls: {},
  needsKey: false,
  notice: undefined,
  headers: [],
  request: {
    ...selfHostedRequest,
    thinkingSwitch: "reasoning_effort",
    efforts: { none: "none", minimal: "minimal", low: "low", medium: "medium", high: "high", xhigh: "xhigh" },
    // What one server calls an unknown field is what another one needs: a refusal takes it out.
    drops: [],
    files: "parts",
  },
  reply: {
    thinkTags: true,
    callsInText: true,
    unopenedThoughts: true,
    cumulativeDeltas: true,
    answersInReasoning: true,
    doneIsFinish: true,
    stopsInThoughts: false,
    truncatesSilently: false,
  },
  models: { details: "none", fallback: [] },
  healthPath: "models",
  endpoints: openaiPaths,
  refusals: [],
};
