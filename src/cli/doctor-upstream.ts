// The doctor's lines about the database and about the upstreams, whose own they are.

import { ConfigError } from "../config/config-error.ts";
import { listSettings } from "../config/config-names.ts";
import type { Config } from "../config/config-schema.ts";
import { version } from "../config/version.ts";
import type { DoctorLine } from "../contract/doctor-line.ts";
import { reasonOf } from "../contract/thrown.ts";
import { silentLog } from "../telemetry/log.ts";
import { listConfiguredUpstreams } from "../upstreams/openai-compatible/servers/configured-upstreams.ts";
import { diagnoseQwenWeb } from "../upstreams/qwen-web/doctor/doctor.ts";
import { openAccounts } from "./accounts/open-accounts.ts";
import { diagnoseCompatible } from "./doctor-compatible.ts";
import { problemLines, splitSentence } from "./doctor-machine.ts";
import { describeStartError } from "./describe-start-error.ts";

export async function* diagnoseUpstream(config: Config, offline: boolean): AsyncGenerator<DoctorLine> {
  if (config.storeUrl !== undefined) {
    if (offline) {
      yield {
        verdict: "ok",
        subject: "shared store",
        finding: "not asked, nor what depends on it: that needs the network",
      };
      return;
    }
    const { examineStore } = await import("../store/redis/examine.ts");
    const lines = await examineStore(config.storeUrl);
    yield* lines;
    if (lines.some(({ verdict }) => verdict === "fail")) return;
  }
  let opened: Awaited<ReturnType<typeof openAccounts>>;
  try {
    opened = await openAccounts(config, silentLog);
  } catch (error) {
    const sentence = describeStartError(error, config) ?? reasonOf(error);
    const [finding, advice] = splitSentence(sentence);
    yield { verdict: "fail", subject: "database", finding, advice };
    return;
  }
  try {
    if (config.storeUrl === undefined) yield { verdict: "ok", subject: "database", finding: "can be opened" };
    const others = listConfiguredUpstreams(config);
    const { accounts, http } = opened;
    const isNowhere = accounts.isAnonymous && config.qwenBaseUrl === defaultQwenUrl();
    // Where others serve, nobody asks the web backend without an account.
    if (!isNowhere || others.length === 0) {
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
        isDemonstration: isNowhere,
      });
    }
    yield* diagnoseCompatible(others, config, offline);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    yield* problemLines(error);
  } finally {
    await opened.accounts.settled();
    await opened.close();
  }
}

function defaultQwenUrl(): unknown {
  return listSettings().find(({ key }) => key === "qwenBaseUrl")?.schema.default;
}
