// The calls that run on one connection: who hears of their progress, and whom a question of the server belongs to, since
// it does not say.

import type { JsonObject } from "../../contract/json.ts";
import type { ToolCallOptions } from "../tools.ts";
import type { CallLimit } from "./call-limit.ts";
import { cleanLine } from "./clean-text.ts";

export interface RunningCall {
  readonly user: string;
  /** Of the run that makes it. */
  readonly run: AbortSignal;
  readonly access: ToolCallOptions["access"];
  readonly elicit: ToolCallOptions["elicit"];
  readonly onProgress: ToolCallOptions["onProgress"];
  readonly limit: CallLimit;
  /** Aborted with the call. */
  readonly signal: AbortSignal;
}

export interface BegunCall {
  /** By which the server names it when it tells of its progress. */
  readonly token: string;
  end(): void;
}

export interface RunningCalls {
  begin(call: RunningCall): BegunCall;
  /** A notification of progress. */
  tell(said: JsonObject): void;
  /** The newest, as long as all are of one user: nobody pays for another one's call. */
  owner(): RunningCall | undefined;
  /**
   * Whose question to the person it is. Nobody is asked what another user's call wants to know, and no answer goes to
   * another run: undefined where it may be of several. Calls that wait for an answer ask nothing while others work.
   */
  asker(): RunningCall | undefined;
}

/** Of one call. Whoever tells more does not tell of progress. */
const maxProgress = 1000;
const maxProgressChars = 500;

export function createRunningCalls(): RunningCalls {
  const calls = new Map<string, { readonly call: RunningCall; told: number }>();
  let begun = 0;
  const owner = (): RunningCall | undefined => {
    const all = [...calls.values()].map(({ call }) => call);
    return all.every(({ user }) => user === all[0]?.user) ? all.at(-1) : undefined;
  };
  return {
    begin(call) {
      begun += 1;
      const token = `call-${begun}`;
      calls.set(token, { call, told: 0 });
      return { token, end: () => void calls.delete(token) };
    },
    tell(said) {
      const { progressToken: token } = said;
      const running = typeof token === "string" ? calls.get(token) : undefined;
      if (running === undefined || running.call.signal.aborted) return;
      running.told += 1;
      const message = running.told <= maxProgress ? describeProgress(said) : "";
      if (message !== "") running.call.onProgress?.(message);
    },
    owner,
    asker() {
      if (owner() === undefined) return undefined;
      const all = [...calls.values()].map(({ call }) => call);
      const working = all.filter(({ limit }) => !limit.isPaused);
      const possible = working.length > 0 ? working : all;
      return possible.every(({ run }) => run === possible[0]?.run) ? possible.at(-1) : undefined;
    },
  };
}

function describeProgress({ message, progress, total }: JsonObject): string {
  if (typeof message === "string" && message.trim() !== "") return cleanLine(message, maxProgressChars);
  if (typeof progress !== "number") return "";
  return typeof total === "number" ? `${progress}/${total}` : String(progress);
}
