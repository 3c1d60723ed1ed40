// A turn where nobody keeps the conversation: it continues nothing, and holds nothing.

import { fingerprintHistory, type HistoryFingerprints } from "../../conversation/fingerprints.ts";
import type { Found, TurnQuestion } from "./turn.ts";

/** Hashes a history only for whoever asks. */
export class NotKept implements Found {
  readonly claim = undefined;
  readonly #question: TurnQuestion;
  #history: HistoryFingerprints | undefined;

  constructor(question: TurnQuestion) {
    this.#question = question;
  }

  get history(): HistoryFingerprints {
    const { caller, request } = this.#question;
    this.#history ??= fingerprintHistory(caller, request.messages, request.tools);
    return this.#history;
  }

  leave(): void {}
}
