// The Store on a Redis or Valkey server that several gateways share, on Bun's own client. One script a call: see scripts/.

import { GatewayError } from "../../contract/gateway-error.ts";
import { silentLog } from "../../telemetry/log.ts";
import type { AgentStore } from "../agent-store.ts";
import type { ChatStore } from "../chat-store.ts";
import type { ConversationStore } from "../conversation-store.ts";
import type { ReplayIndex } from "../replay-index.ts";
import type { ResponseStore } from "../response-store.ts";
import type { Store } from "../store.ts";
import type { StoreOptions } from "../store-options.ts";
import { ofAccountsAndCallers, ofTurnsAndSessions } from "../store-parts.ts";
import type { SharedWishes } from "../stop-wishes.ts";
import { RedisAccounts } from "./accounts.ts";
import { describeAddress } from "./address.ts";
import { createRedisAgent } from "./agent.ts";
import { RedisCallers } from "./callers.ts";
import { createRedisChat } from "./chat.ts";
import { Claims } from "./claims.ts";
import { RedisConnection, type RedisLimits } from "./connection.ts";
import { createRedisConversations } from "./conversations.ts";
import { createRedisReplayIndex, createRedisSpools, createRedisWishes, type SharedSpools } from "./replays.ts";
import { createRedisResponses } from "./responses.ts";
import { Session } from "./session.ts";
import { RedisSessions } from "./sessions.ts";
import { serversReason } from "./store-errors.ts";
import { RedisTurns } from "./turns.ts";

export interface SharedStoreOptions extends StoreOptions {
  /** `redis://`, `valkey://` or `rediss://`, with whatever credentials. */
  readonly url: string;
  /** What all keys begin with. @defaultValue "qwen-gateway:" */
  readonly prefix?: string;
  readonly limits?: Partial<RedisLimits>;
  /** How long the first connection is waited for. @defaultValue 10000 */
  readonly startMs?: number;
}

export interface SharedStore extends Store {
  unreachable(): GatewayError | undefined;
  /** What else stands there, beside the turns. */
  readonly rooms: SharedRooms;
}

/** What gateways that share a store keep in it instead of in their own `chat.db`. */
export interface SharedRooms {
  readonly chat: ChatStore;
  readonly responses: ResponseStore;
  readonly conversations: ConversationStore;
  readonly replays: ReplayIndex;
  readonly spools: SharedSpools;
  readonly wishes: SharedWishes;
  /** @param audit of calls, which stays with the machine that made them */
  agent(audit: AgentStore): AgentStore;
}

/** @throws {GatewayError} when it cannot be reached in time; the message says what to do and shows no credentials */
export async function openRedisStore(options: SharedStoreOptions): Promise<SharedStore> {
  const { url, prefix, limits, clock, watch, log = silentLog, startMs = 10_000 } = options;
  const greeted: { claims?: Claims } = {};
  const owner = crypto.randomUUID();
  const connection = new RedisConnection({
    ...{ url, prefix, limits, log, watch, owner },
    greet: async (run) => greeted.claims?.greet(run),
    tellPresence: (isPresent) => greeted.claims?.tellPresence(isPresent),
  });
  const claims = new Claims({ owner, run: connection.run, learnTime: () => connection.learnTime(), clock, log });
  greeted.claims = claims;
  if (!(await connection.waitUntilUp(startMs))) {
    const { failure } = connection;
    await claims.close().catch(() => {});
    connection.close();
    throw cannotOpen(url, failure);
  }
  const session = new Session(connection, options);
  const turns = new RedisTurns(session, claims);
  const sessions = new RedisSessions(session);
  const accounts = new RedisAccounts(session);
  const callers = new RedisCallers(session, claims.owner);
  return {
    ...ofTurnsAndSessions(turns, sessions),
    noteLeaving: (claim) => turns.noteLeaving(claim),
    freeDead: () => claims.freeDead(),
    ...ofAccountsAndCallers(accounts, callers),
    rooms: createRooms(session, claims.owner),
    async probe() {
      await session.ask("probe", {});
    },
    unreachable: () => (connection.isUp ? undefined : connection.unreachable()),
    async close() {
      try {
        await claims.close();
      } catch (error) {
        // Its leases end when it is silent.
        log.warn("Cannot free leases on close", { reason: String(error) });
      }
      connection.close();
    },
  };
}

function createRooms(session: Session, owner: string): SharedRooms {
  return {
    chat: createRedisChat(session),
    responses: createRedisResponses(session, { owner }),
    conversations: createRedisConversations(session),
    replays: createRedisReplayIndex(session, owner),
    spools: createRedisSpools(session),
    wishes: createRedisWishes(session),
    agent: (audit) => createRedisAgent(session, audit),
  };
}

function cannotOpen(url: string, failure: unknown): GatewayError {
  const reason =
    serversReason(failure) ??
    "it does not answer, or refuses the connection; look at address, password, TLS and database number";
  return new GatewayError("overloaded", `Cannot open the shared store at ${describeAddress(url)}: ${reason}`, {
    cause: failure,
  });
}
