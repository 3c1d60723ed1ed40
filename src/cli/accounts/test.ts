// qwen-gateway accounts test: whether an account works, step by step, with what to do where it does not.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { Account } from "../../credentials/account.ts";
import type { KnownAccount } from "../../credentials/account-registry.ts";
import { version } from "../../config/version.ts";
import { silentLog } from "../../telemetry/log.ts";
import { createQwenWebClient, type QwenWebClient } from "../../upstreams/qwen-web/client.ts";
import { exchangeOnce } from "../../upstreams/qwen-web/exchange-once.ts";
import { createModelList } from "../../upstreams/qwen-web/models.ts";
import type { Command, CommandContext } from "../command.ts";
import { describeCredentials } from "./describe-account.ts";
import { accountFlags, type OpenedAccounts, withAccounts } from "./open-accounts.ts";

const stepTimeoutMs = 20_000;
const messageTimeoutMs = 90_000;

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
          if (!(await testAccount(known, opened, flags["message"], context))) failures++;
        }
        return failures === 0 ? 0 : 1;
      }),
  };
}

async function testAccount(
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
  const ask = <T>(timeoutMs: number, work: (account: Account, signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(timeoutMs);
    return accounts.ask(known.id, signal, (account) => work(account, signal));
  };
  const steps: [string, () => Promise<string>][] = [
    ["token", () => ask(stepTimeoutMs, async (account) => describeCredentials(account, Date.now()))],
    ["models", () => ask(stepTimeoutMs, async (account, signal) => countModels(client, account, signal))],
    [
      "sign-in",
      () => ask(stepTimeoutMs, (account, signal) => client.checkAccount(account, signal).then(() => "accepted")),
    ],
  ];
  if (message !== undefined) {
    steps.push([
      "message",
      () =>
        ask(messageTimeoutMs, async (account, signal) => {
          const model = await chooseModel(client, account, config.defaultModel, signal);
          return `${model} answers: ${oneLine(await exchangeOnce(client, account, model, message, signal))}`;
        }),
    ]);
  }
  for (const [name, step] of steps) {
    try {
      context.print(`  ok      ${name}: ${await step()}`);
    } catch (error) {
      context.print(`  failed  ${name}: ${describeFailure(error)}`);
      return false;
    }
  }
  accounts.pool.clear(known.id);
  return true;
}

async function countModels(client: QwenWebClient, account: Account, signal: AbortSignal): Promise<string> {
  const { length } = await client.listModels(account, signal);
  return `${length} offered`;
}

async function chooseModel(
  client: QwenWebClient,
  account: Account,
  defaultModel: string,
  signal: AbortSignal,
): Promise<string> {
  const fetchList = (): Promise<readonly unknown[]> => client.listModels(account, signal);
  const models = createModelList({ fetchList, defaultModel, clock: Date.now, log: silentLog });
  return (await models.resolve(undefined, signal)).id;
}

function describeFailure(error: unknown): string {
  if (error instanceof GatewayError) return error.message;
  return error instanceof Error && error.name === "TimeoutError" ? "no answer in time" : String(error);
}

const longestAnswer = 200;

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= longestAnswer ? line : `${line.slice(0, longestAnswer)}...`;
}
