// Whatever stands in a stream of the Qwen web backend and wherever it is cut: the decoder says what a plain reading says.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { createDeltaShapes } from "../../src/upstreams/qwen-web/reply/delta-shapes.ts";
import { createEventDecoder } from "../../src/upstreams/qwen-web/reply/event-decoder.ts";
import { decodeAll } from "../support/recordings.ts";
import { bytesOf, chatId, cutAnywhere, qwenStream } from "./qwen-streams.ts";
import { merged, referenceEvents } from "./reference-parser.ts";
import { patienceMs, runsOf } from "./runs.ts";

const model = "qwen3-max";
const shapes = createDeltaShapes();

test(
  "the web decoder says of any stream, cut anywhere, what a plain parser says [R0-010] [R1-004]",
  () => {
    fc.assert(
      fc.property(qwenStream, fc.nat(), (text, seed) => {
        const bytes = bytesOf(text);
        const events = decodeAll(createEventDecoder({ chatId, model }), cutAnywhere(bytes, seed));

        expect(merged(events)).toEqual(referenceEvents(bytes, chatId, model));
        const informed = decodeAll(createEventDecoder({ chatId, model, shapes }), cutAnywhere(bytes, seed));
        expect(informed).toEqual(events);
      }),
      runsOf("decoder", 10_000),
    );
  },
  patienceMs,
);
