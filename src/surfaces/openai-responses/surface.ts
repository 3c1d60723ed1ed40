// OpenAI's responses: POST /v1/responses. What is stored of them, and what a request refers to, is the server's business.

import type { Surface } from "../../contract/surface.ts";
import { encodeError } from "./encode-error.ts";
import { parseRequest, surfaceName } from "./parse-request.ts";
import { echoedCall, encodeReply } from "./response-object.ts";
import { createEncoder } from "./create-encoder.ts";

export const responsesPath = "/v1/responses";

export const openaiResponses: Surface = {
  name: surfaceName,
  routes: [{ method: "POST", path: responsesPath }],
  parseRequest: (body) => parseRequest(body),
  createEncoder: (request, identity) => createEncoder(request, identity),
  encodeReply,
  echoedCall,
  encodeError,
};
