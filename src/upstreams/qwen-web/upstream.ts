// The Qwen web backend as an upstream: one chat a conversation, one message a turn, attached to the right node.

import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import type { OpenContext, Resume, Upstream, UpstreamReply } from "../../contract/upstream.ts";
import type { AttachmentLoader } from "../../attachments/load-attachment.ts";
import type { GuardedDownload } from "../../outbound/guarded-download.ts";
import type { HttpClient } from "../../outbound/http-client.ts";
import type { Log } from "../../telemetry/log.ts";
import type { WebAccounts } from "./accounts/accounts.ts";
import { createOwnAccounts } from "./accounts/own-account.ts";
import { createQwenWebClient } from "./client.ts";
import type { CreationRetry } from "./create-chat.ts";
import { upstreamName } from "./errors.ts";
import { createImageForwarding } from "./images/image-forwarding.ts";
import { createComposeTurn } from "./message/compose-turn.ts";
import { createToolTurns } from "./message/tool-turns.ts";
import { mayCallTools } from "./message/turn-tools.ts";
import { chooseMode, withoutNativeTools } from "./model-mode.ts";
import { createModelList, type ModelList } from "./models.ts";
import type { ChainOn } from "./reply/event-decoder.ts";
import { createTurnSender } from "./send-turn.ts";
import { createSpareChats } from "./spare-chats.ts";
import { createTurnChats } from "./turn-chats.ts";

export interface QwenWebOptions {
  readonly accounts: WebAccounts;
  readonly http: HttpClient;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly chatTitle: string;
  readonly defaultModel: string;
  readonly chainOn: ChainOn;
  /** Longest message in characters that is sent as text. Undefined: no limit. */
  readonly maxMessageChars: number | undefined;
  /** Longer messages go up as a file; without it they are refused. */
  readonly upload: boolean;
  /** Where files go, without a slash at its end. Undefined: the storage that the backend names. */
  readonly storageUrl: string | undefined;
  /** An answer whose stream breaks off is looked up in the stored chat. */
  readonly recover: boolean;
  readonly maxLineBytes: number;
  /** Repetitions of chat creation. */
  readonly retry: CreationRetry;
  readonly userAgent: string;
  /** Fetches pictures that the backend has made. */
  readonly download: GuardedDownload;
  /** Reads what messages show. */
  readonly attachments: AttachmentLoader;
  readonly clock: () => number;
  readonly log: Log;
}

export function createQwenWebUpstream(options: QwenWebOptions): Upstream {
  const { accounts } = options;
  const client = createQwenWebClient({ ...options, onSetCookies: accounts.noteCookies });
  const spareChats = createSpareChats(options.clock);
  const compose = createComposeTurn({ ...options, client });
  const toolTurns = createToolTurns(options.log);
  const ownAccounts = createOwnAccounts(accounts.pool);
  const sender = createTurnSender({ ...options, client, ownAccounts, spareChats, toolTurns });
  const openTurn = createTurnChats({ ...options, client, sender, spareChats, compose, toolTurns });
  const createModels = (): ModelList =>
    createModelList({
      fetchList: (signal) => accounts.askAny(signal, (account) => client.listModels(account, signal)),
      defaultModel: options.defaultModel,
      clock: options.clock,
      log: options.log,
    });
  /** What a guest is offered, by an emulator perhaps, says nothing about the accounts that come later. */
  const modelLists = { guest: createModels(), account: createModels() };

  async function currentModels(): Promise<ModelList> {
    await accounts.look();
    return knownModels();
  }

  function knownModels(): ModelList {
    return accounts.isAnonymous ? modelLists.guest : modelLists.account;
  }

  async function open(request: ChatRequest, context: OpenContext): Promise<UpstreamReply> {
    const models = accounts.isFresh ? knownModels() : await currentModels();
    const resolved = models.resolveAtOnce(request.model) ?? (await models.resolve(request.model, context.signal));
    const model = resolved.id;
    const chosen = chooseMode(resolved.mode, request.reasoning, request.webSearch);
    const mode = mayCallTools(request) ? withoutNativeTools(chosen) : chosen;
    const mustStay = hasNoHistory(request.messages, context.resume);
    const { signal, deadlineMs, resume } = context;
    let except = ownAccounts.leftBy(resume);
    for (;;) {
      const conversationOf = ownAccounts.of(resume, toolTurns.missedCall(request));
      const use =
        accounts.pool.pickAtOnce(conversationOf, except) ??
        (await accounts.pool.pick({ conversationOf, mustStay, except, signal, deadlineMs }));
      try {
        return await accounts.ask(use.id, signal, (account) =>
          openTurn({ request, context, account, use, mustStay, model, mode }),
        );
      } catch (error) {
        use.end();
        if (accounts.isItsOwn(error) && ownAccounts.waitsFor(resume, use.id)) continue;
        if (mustStay) throw error;
        if (!accounts.mayMove(error, use.id, except)) {
          ownAccounts.failed(resume, error);
          throw error;
        }
        ownAccounts.refused(resume, use.id);
        except = new Set(except).add(use.id);
        options.log.info("Another account is asked", { requestId: context.requestId, refusedBy: use.alias });
      }
    }
  }

  return {
    name: upstreamName,
    keepsConversations: true,
    choosesModel: true,
    listModels: async (signal) => (await currentModels()).list(signal),
    modelIdOf: (name) => knownModels().resolveAtOnce(name)?.id,
    open,
    async deleteChat(accountId, chatId, signal) {
      spareChats.drop(chatId);
      await accounts.load();
      if (!accounts.known().some(({ id }) => id === accountId)) return;
      if (accounts.pool.isSetAside(accountId)) throw accounts.pool.unavailable([accountId]);
      await accounts.ask(accountId, signal, (account) => client.deleteChat(account, chatId, signal));
    },
    accounts: () => accounts.pool.views(),
    forwarding: createImageForwarding({
      ...options,
      client,
      resolveModel: async (model, signal) => (await (await currentModels()).resolve(model, signal)).id,
    }),
  };
}

/** A thin client sends its newest message alone: in another chat nobody would know what it is about. */
function hasNoHistory(messages: readonly Message[], resume: Resume | undefined): boolean {
  // An answer that is mended, and what is said of it, are no history of the client's.
  if (resume?.mends !== undefined) return hasNoHistory(messages.slice(0, resume.unseenFrom - 1), resume.mends);
  if (resume === undefined || resume.continuation.nodeId === null) return false;
  return messages.every(isNoAnswer);
}

function isNoAnswer({ role }: Message): boolean {
  return role !== "assistant";
}
