// What was said in conversations whose upstream remembers nothing, in the SQLite driver.

import type { Message } from "../../contract/chat-request.ts";
import type { Connection } from "./connection.ts";
import { maxContentChars } from "../store-options.ts";

export class SqliteMessages {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Oldest first. */
  async read(conversationId: string): Promise<readonly Message[]> {
    const rows = await this.#connection.read(() => this.#connection.questions.readMessages.all({ conversationId }));
    // Written by `append`, from values of this type.
    return rows.map(({ json }) => JSON.parse(json) as Message);
  }

  /** Within a transaction of the caller. The oldest make room when all are too long. */
  append(conversationId: string, messages: readonly Message[]): void {
    const { addMessage, dropOldMessages } = this.#connection.questions;
    for (const message of messages) addMessage.run({ conversationId, json: JSON.stringify(message) });
    if (messages.length > 0) dropOldMessages.run({ conversationId, maxChars: maxContentChars });
  }

  /** To a branch, whose client says no more than its own: all that its session has said. Within a transaction of the caller. */
  copy(from: string, to: string): void {
    this.#connection.questions.copyMessages.run({ from, to });
  }
}
