// What `qwen-gateway doctor` looks at on the way to the Qwen web backend: accounts, both hosts, the clock, the models,
// and one short exchange in a chat that is deleted afterwards.

import type { DoctorLine } from "../../../contract/doctor-line.ts";
import { type ErrorKind, GatewayError } from "../../../contract/gateway-error.ts";
import { isTimeout, reasonOf } from "../../../contract/thrown.ts";
import type { HttpClient } from "../../../outbound/http-client.ts";
import type { WebAccounts } from "../accounts/accounts.ts";
import { createQwenWebClient } from "../client.ts";
import { accountLines } from "./doctor-accounts.ts";
import { clockLine, probeHost } from "./doctor-hosts.ts";
import { exchangeOnce } from "../accounts/exchange-once.ts";

export interface DoctorOptions {
  readonly accounts: WebAccounts;
  readonly http: HttpClient;
  /** Without a slash at their ends. */
  readonly baseUrl: string;
  readonly authUrl: string;
  readonly chatTitle: string;
  readonly defaultModel: string;
  readonly userAgent: string;
  readonly clock: () => number;
  /** Nothing that needs the network. */
  readonly offline: boolean;
  /** There is no account, so that the built-in emulator stands in for Qwen. */
  readonly isDemonstration: boolean;
}

const askTimeoutMs = 20_000;
const exchangeTimeoutMs = 90_000;
const question = "Reply with the single word: ready";

/** Each line as soon as it is known. Never throws for what it finds. */
export async function* diagnoseQwenWeb(options: DoctorOptions): AsyncGenerator<DoctorLine> {
  yield* accountLines(
    options.accounts.known(),
    options.accounts.pool.views(),
    options.clock(),
    options.isDemonstration,
  );
  if (options.offline) return;

  const chatHost = await probeHost(options, "chat host", options.baseUrl, "/api/models", "QWEN_BASE_URL");
  yield softened(chatHost.line, options);
  if (chatHost.dateMs !== undefined) yield clockLine(options.clock() - chatHost.dateMs);
  const signInHost = await probeHost(options, "sign-in host", options.authUrl, "/api/v2/auths/", "QWEN_AUTH_URL");
  yield softened(signInHost.line, options);
  if (options.isDemonstration || !chatHost.isReached) return;

  const models = await diagnoseModels(options);
  yield models.line;
  if (models.model !== undefined) yield await diagnoseExchange(options, models.model);
}

/** As long as the emulator answers nobody needs the network. */
function softened(line: DoctorLine, { isDemonstration }: DoctorOptions): DoctorLine {
  return isDemonstration && line.verdict === "fail" ? { ...line, verdict: "warn" } : line;
}

async function diagnoseModels(options: DoctorOptions): Promise<{ line: DoctorLine; model: string | undefined }> {
  const subject = "models";
  try {
    const list = await options.accounts.askAny(AbortSignal.timeout(askTimeoutMs), (account) =>
      createQwenWebClient(options).listModels(account, AbortSignal.timeout(askTimeoutMs)),
    );
    const ids = list.flatMap((entry) => idOf(entry) ?? []);
    const [flagship] = ids;
    if (flagship === undefined) {
      const advice = "wait a minute and try again; if it stays so, Qwen may have changed: look for a newer gateway";
      return { line: { verdict: "fail", subject, finding: "Qwen's list is empty", advice }, model: undefined };
    }
    const model = ids.find((id) => id.toLowerCase() === options.defaultModel.toLowerCase());
    const offered = `${ids.length} offered, such as ${ids.slice(0, 3).join(", ")}`;
    if (model !== undefined) return { line: { verdict: "ok", subject, finding: offered }, model };
    const finding = `${offered}; ${options.defaultModel}, the default, is not among them`;
    const advice = `requests that name no model go to ${flagship}: set DEFAULT_MODEL to one of those that are offered`;
    return { line: { verdict: "warn", subject, finding, advice }, model: flagship };
  } catch (error) {
    return { line: failureLine(subject, error), model: undefined };
  }
}

function idOf(entry: unknown): string | undefined {
  return typeof entry === "object" && entry !== null && "id" in entry && typeof entry.id === "string"
    ? entry.id
    : undefined;
}

async function diagnoseExchange(options: DoctorOptions, model: string): Promise<DoctorLine> {
  const subject = "exchange";
  const startedAtMs = performance.now();
  try {
    const signal = AbortSignal.timeout(exchangeTimeoutMs);
    const answer = await options.accounts.askAny(signal, (account) =>
      exchangeOnce(createQwenWebClient(options), account, model, question, signal),
    );
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    if (answer.trim() !== "") return { verdict: "ok", subject, finding: `${model} answered in ${seconds} s` };
    const advice = "try again; if it stays so, choose another DEFAULT_MODEL";
    return { verdict: "warn", subject, finding: `${model} answered with nothing`, advice };
  } catch (error) {
    return failureLine(subject, error);
  }
}

/** What helps; the error's own sentence says what happened. */
const adviceFor: Partial<Record<ErrorKind, string>> = {
  "upstream-auth":
    "sign in at chat.qwen.ai, copy the request `completions` as cURL, and give it to: qwen-gateway accounts add",
  "upstream-challenge":
    "open chat.qwen.ai in the browser of this account and solve the check there; wait some minutes, then copy the request as cURL again: qwen-gateway accounts add",
  "upstream-quota": "wait as long as it says, or add another account of yours: qwen-gateway accounts add",
  overloaded: "wait a few minutes and try again",
  "model-not-found": "set DEFAULT_MODEL to a model that is offered",
  "upstream-timeout": "try again; if it stays so, look at the connection of this machine",
};

function failureLine(subject: string, error: unknown): DoctorLine {
  const isLate = isTimeout(error);
  const kind = isLate ? "upstream-timeout" : error instanceof GatewayError ? error.kind : "internal";
  const finding = isLate ? "no answer in time" : reasonOf(error);
  const advice = adviceFor[kind] ?? "try again; LOG_LEVEL=debug qwen-gateway shows what Qwen answers";
  return { verdict: kind === "overloaded" ? "warn" : "fail", subject, finding, advice };
}
