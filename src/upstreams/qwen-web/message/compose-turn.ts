// The message of a turn as it is sent, with whatever has to go up before: files that it shows, and its own text where that is
// too long.

import { type AttachmentsOptions, createMessageAttachments } from "../attachments/message-attachments.ts";
import type { Unseen } from "./compose-message.ts";
import { createMessageFiles, type FileTurn } from "../attachments/message-files.ts";
import { composeOutgoing, type OutgoingMessage } from "./outgoing-message.ts";
import { hasAttachments } from "../attachments/plan-attachments.ts";

/** A promise only where something has to go up first. @throws {GatewayError} also by rejecting */
export type ComposeTurn = (turn: FileTurn, unseen: Unseen) => OutgoingMessage | Promise<OutgoingMessage>;

export function createComposeTurn(options: Omit<AttachmentsOptions, "files">): ComposeTurn {
  const files = createMessageFiles(options);
  const attachments = createMessageAttachments({ ...options, files });
  return (turn, unseen) => {
    if (hasAttachments(turn.request, unseen)) return attachments.compose(turn, unseen);
    const composed = composeOutgoing(turn.request, unseen);
    return files.mustCarry(composed) ? files.carry(composed, turn, unseen) : composed;
  };
}
