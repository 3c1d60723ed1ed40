// The right decoder for an accepted completion: an event stream, or the JSON answer that the backend gave instead.

import type { ByteSource } from "../../../contract/byte-source.ts";
import { fromBytes } from "../../../outbound/fetch-client.ts";
import type { AcceptedCompletion } from "../client.ts";
import { createEventDecoder, type DecoderOptions, type WebEventDecoder } from "./event-decoder.ts";
import { createJsonDecoder } from "./json-decoder.ts";

const encoder = new TextEncoder();

export interface DecodedCompletion {
  readonly source: ByteSource;
  readonly decoder: WebEventDecoder;
}

export function decoderFor(completion: AcceptedCompletion, options: DecoderOptions): DecodedCompletion {
  if (completion.type === "stream") return { source: completion.body, decoder: createEventDecoder(options) };
  const { chatId, model, chainOn = "response_id" } = options;
  // The decoder needs none of them: they count.
  const source = fromBytes(encoder.encode(completion.text));
  return { source, decoder: createJsonDecoder(completion.body, chatId, model, chainOn) };
}
