// The doctor's lines about the database and about the upstream, whose own they are.

import { listSettings } from "../config/config-names.ts";
import type { Config } from "../config/config-schema.ts";
import { version } from "../config/version.ts";
import type { DoctorLine } from "../contract/doctor-line.ts";
import { silentLog } from "../telemetry/log.ts";
import { diagnoseQwenWeb } from "../upstreams/qwen-web/doctor.ts";
import { openAccounts } from "./accounts/open-accounts.ts";
import { splitSentence } from "./doctor-machine.ts";
import { describeStartError } from "./describe-start-error.ts";

export async function* diagnoseUpstream(config: Config, offline: boolean): AsyncGenerator<DoctorLine> {
  let opened: Awaited<ReturnType<typeof openAccounts>>;
  try {
    opened = await openAccounts(config, silentLog);
  } catch (error) {
    const sentence = describeStartError(error, config) ?? (error instanceof Error ? error.message : String(error));
    const [finding, advice] = splitSentence(sentence);
    yield { verdict: "fail", subject: "database", finding, advice };
    return;
  }
  try {
    yield { verdict: "ok", subject: "database", finding: "can be opened" };
    const { accounts, http } = opened;
    const isDemonstration = accounts.isAnonymous && config.qwenBaseUrl === defaultQwenUrl();
    yield* diagnoseQwenWeb({
      accounts,
      http,
      baseUrl: config.qwenBaseUrl,
      authUrl: config.qwenAuthUrl,
      chatTitle: config.qwenChatTitle,
      defaultModel: config.defaultModel,
      userAgent: `qwen-gateway/${version}`,
      clock: Date.now,
      offline,
      isDemonstration,
    });
  } finally {
    await opened.accounts.settled();
    await opened.close();
  }
}

function defaultQwenUrl(): unknown {
  return listSettings().find(({ key }) => key === "qwenBaseUrl")?.schema.default;
}
