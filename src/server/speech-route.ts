// GET /api/speech: whether what is said can be written down, and by which model. The chat page asks before it shows a
// microphone.

import type { ServerRoute } from "./trip.ts";

export interface Speech {
  /** Whether some upstream takes sounds at all. Cheap: asks nobody. */
  isPossible(): boolean;
  /** The model that writes down what is said; undefined: there is none. Never rejects. */
  findModel(signal: AbortSignal): Promise<string | undefined>;
}

export const noSpeech: Speech = { isPossible: () => false, findModel: async () => undefined };

export function speechRoute(speech: Speech): ServerRoute {
  return {
    method: "GET",
    path: "/api/speech",
    async answer({ request }) {
      const model = speech.isPossible() ? await speech.findModel(request.signal) : undefined;
      return Response.json({ transcription: model === undefined ? null : { model } });
    },
  };
}
