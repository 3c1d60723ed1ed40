// Stored responses and conversations as the rest of the app sees them: their code is loaded with the first request, their database only
// when something is to be kept or looked up.

import { responsePlaces } from "../server/responses/places.ts";
import type { ServedRoom } from "../server/create-server.ts";
import type { Responses, ResponsesOptions } from "../server/responses/responses.ts";

export interface LazyResponses extends ServedRoom {
  /** Forgets the responses of a session. @returns whether there was one */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  /** See `Responses`, here and below. */
  stopForgotten(id: string): Promise<void>;
  sessionForgotten(caller: string, sessionId: string, atMs: number): void;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** @param mayHoldSome false: nobody has ever kept any */
export function createLazyResponses(parts: ResponsesOptions, mayHoldSome: () => boolean): LazyResponses {
  let responses: Responses | undefined;

  async function open(): Promise<Responses> {
    const { createResponses } = await import("../server/responses/responses.ts");
    responses ??= createResponses(parts);
    return responses;
  }

  return {
    places: responsePlaces,
    async load(edge) {
      const [opened, { responseRoutes }, { conversationRoutes }] = await Promise.all([
        open(),
        import("../server/responses/routes.ts"),
        import("../server/responses/conversation-routes.ts"),
      ]);
      const { openConversations, clock } = parts;
      return [
        ...responseRoutes({ responses: opened, ...edge }),
        ...conversationRoutes({ openStore: openConversations, clock, ...edge }),
      ];
    },
    deleteSession: async (caller, sessionId) =>
      mayHoldSome() && (await (await open()).forgetSession(caller, sessionId)),
    async stopForgotten(id) {
      await responses?.stopForgotten(id);
    },
    sessionForgotten: (...deleted) => responses?.sessionForgotten(...deleted),
    async close() {
      await responses?.settled();
    },
  };
}
