// qwen-gateway healthcheck: asks the gateway on this machine whether it is well. Made for container health checks.

import type { Config } from "../config/config-schema.ts";
import { codeOf, isTimeout } from "../contract/thrown.ts";
import { describeFailure } from "../outbound/http-client.ts";
import { plainHost } from "../outbound/plain-host.ts";
import type { Command } from "./command.ts";
import { configFlags, loadCommandConfig } from "./config-flags.ts";

const timeLimitMs = 3000;

export function healthcheckCommand(): Command {
  return {
    name: "healthcheck",
    summary: "Asks a running gateway for its health; the exit code is 0 when it is well and 1 when it is not",
    example: "qwen-gateway healthcheck --port 8787",
    // The same settings as the gateway has, so that the same file and environment lead to the same address.
    flags: configFlags(),
    async run(flags, context) {
      const { config } = loadCommandConfig(flags, context);
      const url = healthUrl(config);
      try {
        const signal = AbortSignal.timeout(timeLimitMs);
        // A proxy of the environment would be asked even for a loopback address.
        const response = await fetch(url, { signal, proxy: false, redirect: "manual" });
        await response.body?.cancel();
        if (response.status === 200) return 0;
        context.complain(`Not healthy: ${url} answered ${response.status}`);
      } catch (error) {
        const reason = isTimeout(error) ? `no answer within ${timeLimitMs / 1000} s` : describeFailure(codeOf(error));
        context.complain(`Not healthy: ${url}: ${reason}`);
      }
      return 1;
    },
  };
}

/** An address that stands for all addresses is asked by its loopback. */
export function healthUrl({ host, port }: Pick<Config, "host" | "port">): string {
  const bare = plainHost(host);
  const callable = bare === "0.0.0.0" ? "127.0.0.1" : bare === "::" ? "::1" : bare;
  return `http://${callable.includes(":") ? `[${callable}]` : callable}:${port}/health`;
}
