// Whether an account works, step by step: the first that fails is the last.

import { briefOf } from "../../../contract/excerpt.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import { isTimeout } from "../../../contract/thrown.ts";
import type { Account } from "../../../credentials/account.ts";
import { describeCredentials } from "../../../credentials/describe-credentials.ts";
import { silentLog } from "../../../telemetry/log.ts";
import type { WebAccounts } from "./accounts.ts";
import type { QwenWebClient } from "../client.ts";
import { exchangeOnce } from "./exchange-once.ts";
import { createModelList } from "../models.ts";

export interface TestStep {
  readonly name: "token" | "models" | "sign-in" | "message";
  readonly passed: boolean;
  /** In words, without secrets. */
  readonly told: string;
}

export interface AccountTest {
  readonly accounts: Pick<WebAccounts, "ask" | "pool">;
  readonly client: QwenWebClient;
  readonly defaultModel: string;
  /** Also sent in a chat of its own, which is deleted afterwards. Undefined: nothing is asked of a model. */
  readonly message: string | undefined;
}

const stepTimeoutMs = 20_000;
const messageTimeoutMs = 90_000;

/** Each step as soon as it is known. An account that passes all is ready again. */
export async function* testAccount(id: string, test: AccountTest): AsyncGenerator<TestStep> {
  const { accounts, client, defaultModel, message } = test;
  const ask = (timeoutMs: number, work: (account: Account, signal: AbortSignal) => Promise<string>) => {
    const signal = AbortSignal.timeout(timeoutMs);
    return accounts.ask(id, signal, (account) => work(account, signal));
  };
  const steps: [TestStep["name"], () => Promise<string>][] = [
    ["token", () => ask(stepTimeoutMs, async (account) => describeCredentials(account, Date.now()))],
    ["models", () => ask(stepTimeoutMs, (account, signal) => countModels(client, account, signal))],
    [
      "sign-in",
      () => ask(stepTimeoutMs, (account, signal) => client.checkAccount(account, signal).then(() => "accepted")),
    ],
  ];
  if (message !== undefined) {
    const send = async (account: Account, signal: AbortSignal): Promise<string> => {
      const model = await chooseModel(client, account, defaultModel, signal);
      return `${model} answers: ${oneLine(await exchangeOnce(client, account, model, message, signal))}`;
    };
    steps.push(["message", () => ask(messageTimeoutMs, send)]);
  }
  for (const [name, step] of steps) {
    try {
      yield { name, passed: true, told: await step() };
    } catch (error) {
      yield { name, passed: false, told: describeFailure(error) };
      return;
    }
  }
  accounts.pool.clear(id);
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
  return isTimeout(error) ? "no answer in time" : String(error);
}

const longestAnswer = 200;

function oneLine(text: string): string {
  return briefOf(text.replace(/\s+/g, " ").trim(), longestAnswer);
}
