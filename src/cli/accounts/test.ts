// qwen-gateway accounts test: whether an account works, step by step, with what to do where it does not.

import type { KnownAccount } from "../../credentials/account-registry.ts";
import { version } from "../../config/version.ts";
import { createQwenWebClient } from "../../upstreams/qwen-web/client.ts";
import { testAccount } from "../../upstreams/qwen-web/accounts/test-account.ts";
import type { Command, CommandContext } from "../command.ts";
import { accountFlags, type OpenedAccounts, withAccounts } from "./open-accounts.ts";

export function testCommand(): Command {
  return {
    name: "accounts test",
    summary: "Tests an account, or all of them; one that passes is ready again",
    example: 'qwen-gateway accounts test work --message "Say hello"',
    flags: [
      { name: "account", value: "ACCOUNT", description: "Its alias or id (default: all)" },
      {
        name: "message",
        value: "TEXT",
        description: "Also send this in a chat of its own, which is deleted afterwards",
      },
      ...accountFlags(),
    ],
    operand: "account",
    run: (flags, context) =>
      withAccounts(flags, context, async (opened) => {
        const name = flags["account"];
        const tested = name === undefined ? opened.list() : [opened.find(name)];
        if (tested.length === 0) {
          context.complain("No account yet. Add one: qwen-gateway accounts add");
          return 1;
        }
        let failures = 0;
        for (const known of tested) {
          if (!(await runTest(known, opened, flags["message"], context))) failures++;
        }
        return failures === 0 ? 0 : 1;
      }),
  };
}

async function runTest(
  known: KnownAccount,
  { accounts, config, http }: OpenedAccounts,
  message: string | undefined,
  context: CommandContext,
): Promise<boolean> {
  const client = createQwenWebClient({
    http,
    baseUrl: config.qwenBaseUrl,
    chatTitle: config.qwenChatTitle,
    userAgent: `qwen-gateway/${version}`,
    clock: Date.now,
  });
  context.print(`Account "${known.alias}" (${known.id})`);
  const { defaultModel } = config;
  for await (const { name, passed, told } of testAccount(known.id, { accounts, client, defaultModel, message })) {
    context.print(`  ${passed ? "ok    " : "failed"}  ${name}: ${told}`);
    if (!passed) return false;
  }
  return true;
}
