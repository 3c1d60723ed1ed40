// How long a conversation stays with its account, within one request: what was met there decides who is asked next.

import type { Resume } from "../../../contract/upstream.ts";
import type { AccountPool } from "../../../credentials/account-pool.ts";
import { isUnknown, QwenRefusal } from "../errors.ts";
import type { ReplyPlace } from "../message/tool-turns.ts";

export interface OwnAccounts {
  /**
   * The account that is asked before others.
   * @param missed the chat of a new conversation whose answer lacked its call: worth less than an answer, nobody waits for it
   */
  of(resume: Resume | undefined, missed: ReplyPlace | undefined): string | undefined;
  /** Accounts that this turn asks no more. */
  leftBy(resume: Resume | undefined): ReadonlySet<string>;
  /** An account refused, for its own sake. Whether it is the conversation's own, and comes back in seconds: waited for, once. */
  waitsFor(resume: Resume | undefined, account: string): boolean;
  /** The same, and it is not waited for. Not to be told of a conversation that cannot move. */
  refused(resume: Resume | undefined, account: string): void;
  /** Its own account failed by something else. What nobody has a rule for, met twice, another account may not meet. */
  failed(resume: Resume | undefined, error: unknown): void;
}

const none: ReadonlySet<string> = new Set();

export function createOwnAccounts(pool: Pick<AccountPool, "isBackSoon" | "isReady" | "hasReady">): OwnAccounts {
  const waited = new WeakSet<Resume>();
  const failedOnce = new WeakSet<Resume>();
  const leaving = new WeakMap<Resume, ReadonlySet<string>>();

  /** Unless nobody else is there for it. */
  function leave(resume: Resume): void {
    const own = new Set([resume.account]);
    if (pool.hasReady(own)) leaving.set(resume, own);
  }

  return {
    of(resume, missed) {
      if (resume !== undefined) return resume.account;
      return missed !== undefined && pool.isReady(missed.account) ? missed.account : undefined;
    },
    leftBy: (resume) => (resume === undefined ? none : (leaving.get(resume) ?? none)),
    waitsFor(resume, account) {
      if (resume?.account !== account || waited.has(resume) || !pool.isBackSoon(account)) return false;
      waited.add(resume);
      return true;
    },
    refused(resume, account) {
      if (resume?.account === account) leave(resume);
    },
    failed(resume, error) {
      if (resume === undefined || !(error instanceof QwenRefusal && isUnknown(error))) return;
      if (!failedOnce.has(resume)) failedOnce.add(resume);
      else leave(resume);
    },
  };
}
