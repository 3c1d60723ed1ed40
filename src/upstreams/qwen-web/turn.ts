// One turn as it is about to be sent, by the account that was picked for it.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { OpenContext } from "../../contract/upstream.ts";
import type { Account } from "../../credentials/account.ts";
import type { AccountUse } from "../../credentials/account-pool.ts";
import type { Mode } from "./model-mode.ts";

export interface Turn {
  readonly request: ChatRequest;
  readonly context: OpenContext;
  readonly account: Account;
  readonly use: AccountUse;
  /** Nothing but this account's chat knows what was said before. */
  readonly mustStay: boolean;
  readonly model: string;
  readonly mode: Mode;
}
