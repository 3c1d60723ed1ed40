// What helps where an OpenAI-compatible upstream fails. The error's own sentence says what happened.

import { GatewayError } from "../contract/gateway-error.ts";
import { isTimeout, reasonOf } from "../contract/thrown.ts";
import type { Dialect } from "../upstreams/openai-compatible/dialect.ts";
import { type RefusalReason, UpstreamRefusal } from "../upstreams/openai-compatible/refusals/refusal.ts";

/** One line, no secret. */
export function describeFailure(error: unknown): string {
  return isTimeout(error) ? "no answer in time" : reasonOf(error);
}

const byReason: Partial<Record<RefusalReason, string>> = {
  permission: "choose another model by default_model of the upstream, or give the key the right to it",
  billing: "pay the bill in its console, or use another key",
  "quota-hard": "wait as long as it says, or use another key",
  model: "set default_model of the upstream to a model that is offered",
  "not-offered": "set default_model of the upstream to a model that chats, or start the server with one",
  request: "choose another model by default_model of the upstream; LOG_LEVEL=debug qwen-gateway shows its reason",
  loading: "wait until the model is loaded, and try again",
  "not-an-api": "check the address: of most servers it ends in /v1",
};

export function adviceFor(error: unknown, dialect: Dialect): string {
  if (isTimeout(error)) {
    return dialect.needsKey
      ? "look at the connection of this machine, and try again"
      : "try again: a server may load its model for minutes when it is first asked";
  }
  if (!(error instanceof UpstreamRefusal)) {
    const isSilent = error instanceof GatewayError && error.kind === "upstream-failed";
    if (!isSilent) return "try again; LOG_LEVEL=debug qwen-gateway shows what it answers";
    return dialect.needsKey
      ? "look at the connection of this machine; behind a proxy set HTTPS_PROXY"
      : "start the server there, or correct its address";
  }
  if (error.reason === "auth") return adviceForKey(dialect);
  return byReason[error.reason] ?? "wait a minute and try again; LOG_LEVEL=debug qwen-gateway shows what it answers";
}

function adviceForKey(dialect: Dialect): string {
  switch (dialect.name) {
    case "dashscope":
      return "check the key and its region: a key serves in its own alone (intl, cn, us, hk), and keys of plans (sk-sp-...) need the plan";
    case "dashscope-plans":
      return "check the key, its plan (coding or token) and its region (intl or cn): it serves in these alone";
    default:
      return dialect.needsKey
        ? "make a new key in its console, and give it to: qwen-gateway setup"
        : "give it the key that the server was started with: api_keys of the upstream";
  }
}
