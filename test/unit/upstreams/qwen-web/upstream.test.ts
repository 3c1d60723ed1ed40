// The Qwen web wing through the contract of all upstreams, over the emulator on a socket.

import { serveEmulator } from "../../../../src/emulator/qwen-web-emulator.ts";
import type { ScriptEntry } from "../../../../src/emulator/qwen-web-emulator.ts";
import { defaultAsideMs } from "../../../../src/credentials/account-state.ts";
import { createFetchClient } from "../../../../src/outbound/fetch-client.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { createWebAccounts } from "../../../../src/upstreams/qwen-web/accounts/accounts.ts";
import { parseAccount } from "../../../../src/upstreams/qwen-web/accounts/parse-account.ts";
import { createQwenWebUpstream } from "../../../../src/upstreams/qwen-web/upstream.ts";
import { type Behaviour, testUpstream, type UpstreamUnderTest } from "../../../support/test-upstream.ts";
import { testBox } from "../../credentials/test-accounts.ts";

const secret = "a-very-secret-token";

const plays: Readonly<Record<Behaviour, ScriptEntry>> = {
  answers: { reply: { text: "Hello there" } },
  stalls: { reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] } },
  "is-silent": { refuse: "silence" },
  "breaks-off": { reply: { text: "one two three", faults: [{ kind: "end", after: 2 }] } },
  "refuses-credentials": { refuse: "unauthorized" },
  limits: { refuse: "rate-limited" },
  filters: {
    reply: {
      text: "one",
      faults: [{ kind: "error", after: 1, code: "data_inspection_failed", details: "inappropriate" }],
    },
  },
  fails: { refuse: "internal-error" },
};

async function start(behaviour: Behaviour): Promise<UpstreamUnderTest> {
  const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 });
  served.emulator.script({ times: "always", ...plays[behaviour] });
  const shared = {
    http: createFetchClient((request, options) => fetch(request, options)),
    baseUrl: served.url,
    maxLineBytes: 1_000_000,
    userAgent: "qwen-gateway/test",
    clock: Date.now,
    log: silentLog,
  };
  const accounts = createWebAccounts({
    ...shared,
    configured: [parseAccount({ token: secret, cookies: undefined })],
    store: createMemoryStore({ clock: Date.now, sessionTimeoutMs: 60_000 }),
    box: testBox,
    authUrl: served.url,
    asideMs: defaultAsideMs,
    maxAsideMs: undefined,
  });
  const upstream = createQwenWebUpstream({
    ...shared,
    accounts,
    chatTitle: "Test",
    defaultModel: "qwen3-max",
    chainOn: "response_id",
    maxMessageChars: undefined,
    upload: false,
    storageUrl: undefined,
    recover: false,
    download: () => Promise.reject(new Error("nothing is downloaded here")),
    attachments: {
      load: () => Promise.reject(new Error("nothing is attached here")),
      readText: () => Promise.reject(new Error("nothing is attached here")),
    },
    retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1 },
  });
  return {
    upstream,
    async untilIdle() {
      await served.emulator.until((requests) =>
        requests.every(({ on, endedAtMs }) => on !== "completions" || endedAtMs !== undefined),
      );
    },
    [Symbol.asyncDispose]: () => served.stop(),
  };
}

testUpstream("qwen-web", { start, answer: { text: "Hello there" }, secret });
