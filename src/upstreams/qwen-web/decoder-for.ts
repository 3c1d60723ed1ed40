// The right decoder for an accepted completion: an event stream, or the JSON answer that the backend gave instead.

import type { ByteSource } from "../../contract/byte-source.ts";
import { fromBytes } from "../../outbound/fetch-client.ts";
import type { AcceptedCompletion } from "./client.ts";
import { createEventDecoder, type DecoderOptions, type WebEventDecoder } from "./event-decoder.ts";
import { createJsonDecoder } from "./json-decoder.ts";

export interface DecodedCompletion {
  readonly source: ByteSource;
  readonly decoder: WebEventDecoder;
}

export function decoderFor(completion: AcceptedCompletion, options: DecoderOptions): DecodedCompletion {
  if (completion.type === "stream") return { source: completion.body, decoder: createEventDecoder(options) };
  const { chatId, model, chainOn = "response_id" } = options;
  return { source: fromBytes(new Uint8Array()), decoder: createJsonDecoder(completion.body, chatId, model, chainOn) };
}
