// The doctor's lines about the upstreams that speak OpenAI's protocol.

import type { Config } from "../config/config-schema.ts";
import type { DoctorLine } from "../contract/doctor-line.ts";
import { createFetchClient } from "../outbound/fetch-client.ts";
import type { HttpClient } from "../outbound/http-client.ts";
import { createTcpClient } from "../outbound/tcp-client.ts";
import { withoutCredentials } from "../outbound/without-credentials.ts";
import type { ConfiguredUpstream } from "../upstreams/openai-compatible/servers/configured-upstreams.ts";
import { examineUpstream } from "./examine-upstream.ts";

export async function* diagnoseCompatible(
  upstreams: readonly ConfiguredUpstream[],
  config: Config,
  offline: boolean,
): AsyncGenerator<DoctorLine> {
  if (offline) {
    yield* upstreams.map(describeUpstream);
    return;
  }
  const http = createOutbound(config);
  try {
    for (const upstream of upstreams) {
      const { serves, model, ownModel } = yield* examineUpstream(upstream, { http, config, clock: Date.now });
      if (!serves || model === ownModel) continue;
      const finding = `requests that name no model go to ${ownModel}, which does not chat by its name`;
      const advice = `set default_model of the upstream, such as ${model}`;
      yield { verdict: "warn", subject: `${upstream.name} default`, finding, advice };
    }
  } finally {
    http.close();
  }
}

function describeUpstream({ name, baseUrl, keys }: ConfiguredUpstream): DoctorLine {
  const known = keys.length === 0 ? "no key" : keys.length === 1 ? "1 key" : `${keys.length} keys`;
  return { verdict: "ok", subject: name, finding: `${withoutCredentials(baseUrl)}, ${known}` };
}

/** The way that the gateway takes by the same settings. */
export function createOutbound({ transport }: Pick<Config, "transport">): HttpClient & { close(): void } {
  return transport === "socket" ? createTcpClient() : { ...createFetchClient(fetch), close() {} };
}
