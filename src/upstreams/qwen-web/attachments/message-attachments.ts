// Pictures, documents, sounds and films of a turn's new messages: loaded, checked, uploaded, and named in their text.

import type { Attachment, AttachmentLoader } from "../../../attachments/load-attachment.ts";
import type { ChatRequest } from "../../../contract/chat-request.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import { withRetry } from "../../../outbound/retry.ts";
import type { Log } from "../../../telemetry/log.ts";
import { asFinal } from "../chain-errors.ts";
import type { Unseen } from "../message/compose-message.ts";
import { QwenRefusal, upstreamName } from "../errors.ts";
import type { FileTurn, MessageFiles, MessageFilesOptions } from "./message-files.ts";
import { composeOutgoing, type OutgoingMessage } from "../message/outgoing-message.ts";
import {
  choosePlaces,
  findPlaces,
  maxFiles,
  nameAttachments,
  type NamedAttachment,
  newestIndex,
  type Place,
  withNotes,
} from "./plan-attachments.ts";
import { createSharedUploads } from "./shared-uploads.ts";
import { uploadFile } from "./upload.ts";

export interface AttachmentsOptions extends MessageFilesOptions {
  readonly attachments: AttachmentLoader;
  /** Carries the message itself where that is too long. */
  readonly files: MessageFiles;
  readonly log: Log;
}

export interface MessageAttachments {
  /** @throws {GatewayError} which names the field of what cannot be attached */
  compose(turn: FileTurn, unseen: Unseen): Promise<OutgoingMessage>;
}

interface LoadedPlace extends Place {
  readonly attachment: Attachment & { readonly hash: string };
}

interface NamedPlace extends Place {
  readonly attachment: NamedAttachment;
}

/** Of one file, its reading included. */
const uploadTimeoutMs = 60_000;

export function createMessageAttachments(options: AttachmentsOptions): MessageAttachments {
  const uploads = createSharedUploads(options.clock);

  async function compose(turn: FileTurn, unseen: Unseen): Promise<OutgoingMessage> {
    const { request } = turn;
    const places = findPlaces(request, unseen);
    if (!options.upload) return composeOutgoing(withoutUploads(request, places), unseen);
    const loaded = await loadAll(turn, choosePlaces(request, places, maxFiles));
    const whole = nameAll(loaded);
    const composed = composeOutgoing(noted(request, places, whole), unseen);
    if (!options.files.mustCarry(composed)) return { ...composed, ...(await uploadAll(turn, whole)) };
    // The message itself takes the place of a file.
    const kept = choosePlaces(request, loaded, maxFiles - 1);
    const fewer = nameAll(loaded.filter(({ part }) => kept.some((place) => place.part === part)));
    const told = noted(request, places, fewer);
    const uploaded = await uploadAll(turn, fewer);
    const outgoing = { ...composeOutgoing(told, unseen), ...uploaded };
    return { ...(await options.files.carry(outgoing, { ...turn, request: told }, unseen)), ...pickForget(uploaded) };
  }

  /**
   * What an older message shows may be out of reach by now, and what a tool has found may be anything: the conversation
   * goes on without it.
   */
  async function loadAll(turn: FileTurn, chosen: readonly Place[]): Promise<readonly LoadedPlace[]> {
    const { context, request } = turn;
    const newest = newestIndex(request);
    const isAsked = ({ messageIndex }: Place): boolean =>
      messageIndex === newest && request.messages[messageIndex]?.role !== "tool";
    const found = await Promise.all(
      chosen.map(async (place) => {
        try {
          const attachment = await options.attachments.load(place.part, context.signal);
          return [{ ...place, attachment: { ...attachment, hash: hashOf(attachment.bytes) } }];
        } catch (error) {
          if (context.signal.aborted || isAsked(place)) throw error;
          const reason = error instanceof GatewayError ? error.message : "it cannot be read";
          options.log.info("An attachment of an earlier message or of a tool is left out", {
            requestId: context.requestId,
            reason,
          });
          return [];
        }
      }),
    );
    return found.flat();
  }

  async function uploadAll(turn: FileTurn, places: readonly NamedPlace[]) {
    const { account, context } = turn;
    const byKey = new Map(
      places.map((place) => [`${account.id} ${place.attachment.hash} ${place.attachment.name}`, place]),
    );
    const taken = await Promise.all(
      [...byKey].map(([key, place]) =>
        uploads
          .take(key, context.signal, (leaving) => uploadOne(turn, place.attachment, leaving))
          .catch((error: unknown) => {
            throw withField(error, place);
          }),
      ),
    );
    const [only] = byKey.size === 1 ? byKey.values() : [];
    return {
      files: taken.map(({ file }) => file),
      ...(only?.part.field === undefined ? {} : { fileField: only.part.field }),
      forgetFiles(): boolean {
        for (const key of byKey.keys()) uploads.forget(key);
        return taken.some(({ isReused }) => isReused);
      },
    };
  }

  async function uploadOne({ account, context }: FileTurn, attachment: NamedAttachment, leaving: AbortSignal) {
    const { clock, log, retry } = options;
    const signal = AbortSignal.any([leaving, AbortSignal.timeout(uploadTimeoutMs)]);
    const { deadlineMs, requestId } = context;
    const startedAtMs = clock();
    const file = await withRetry(() => uploadFile(options, account, attachment, signal), {
      ...retry,
      deadlineMs,
      signal,
    }).catch(asFinal);
    const { mediaType: type, bytes } = attachment;
    log.debug("A file went up", { requestId, type, bytes: bytes.length, durationMs: clock() - startedAtMs });
    return file;
  }

  return { compose };
}

function nameAll(loaded: readonly LoadedPlace[]): readonly NamedPlace[] {
  const named = nameAttachments(loaded.map(({ attachment }) => attachment));
  return loaded.flatMap((place, index) => {
    const attachment = named[index];
    return attachment === undefined ? [] : [{ ...place, attachment }];
  });
}

function noted(request: ChatRequest, places: readonly Place[], named: readonly NamedPlace[]): ChatRequest {
  return withNotes(request, places, new Map(named.map(({ part, attachment }) => [part, attachment.name])));
}

function pickForget({ forgetFiles }: Pick<OutgoingMessage, "forgetFiles">) {
  return forgetFiles === undefined ? {} : { forgetFiles };
}

/** What tools have brought is told in words then; what a user shows must not be passed over. */
function withoutUploads(request: ChatRequest, places: readonly Place[]): ChatRequest {
  const shown = places.find(({ messageIndex }) => request.messages[messageIndex]?.role !== "tool");
  if (shown === undefined) return request;
  const { field } = shown.part;
  throw new GatewayError("invalid-request", `Cannot send ${field ?? "the attachment"} to Qwen: QWEN_UPLOAD is off`, {
    upstream: upstreamName,
    ...(field === undefined ? {} : { param: field }),
  });
}

/** A refusal of the file itself; what is wrong with the account is told, and mended, as everywhere. */
function withField(error: unknown, { part }: Place): unknown {
  const isAboutFile = error instanceof QwenRefusal && error.kind === "invalid-request";
  if (!isAboutFile || part.field === undefined) return error;
  return new GatewayError("invalid-request", `Cannot use "${part.field}": Qwen refused the file`, {
    cause: error,
    upstream: upstreamName,
    param: part.field,
  });
}

function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
