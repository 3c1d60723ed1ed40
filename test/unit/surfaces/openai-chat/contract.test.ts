// What all surfaces have in common, of this one.

import { openaiChat } from "../../../../src/surfaces/openai-chat/surface.ts";
import { chatSamples } from "../../../support/surface/surface-samples.ts";
import { testSurface } from "../../../support/test-surface.ts";

testSurface(openaiChat, chatSamples);
