// The surface for one request: it knows what that refers to, and tells what comes of it.

import type { Surface } from "../../contract/surface.ts";
import type { EncoderOptions } from "../../surfaces/openai-responses/event-encoder.ts";
import type { KnownItems } from "../../surfaces/openai-responses/parse-input.ts";
import { parseRequest } from "../../surfaces/openai-responses/parse-request.ts";
import { encodeReply } from "../../surfaces/openai-responses/response-object.ts";
import { createEncoder } from "../../surfaces/openai-responses/create-encoder.ts";
import { openaiResponses } from "../../surfaces/openai-responses/surface.ts";

export function surfaceFor(known: KnownItems, options: EncoderOptions): Surface {
  return {
    ...openaiResponses,
    parseRequest: (body) => parseRequest(body, known),
    createEncoder: (request, identity) => createEncoder(request, identity, options),
    encodeReply(request, reply) {
      const response = encodeReply(request, reply);
      options.onEnd?.(response);
      return response;
    },
  };
}

/** What was refused before: it is told, counted and kept as what the gateway refuses itself. */
export function surfaceRefusing(error: unknown): Surface {
  return {
    ...openaiResponses,
    parseRequest() {
      throw error;
    },
  };
}
