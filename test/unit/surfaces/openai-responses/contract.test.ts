// What all surfaces have in common, of this one.

import { openaiResponses } from "../../../../src/surfaces/openai-responses/surface.ts";
import { responsesSamples } from "../../../support/surface/surface-samples.ts";
import { testSurface } from "../../../support/test-surface.ts";

testSurface(openaiResponses, responsesSamples);
