// What all surfaces have in common, of this one.

import { openaiCompletions } from "../../../../src/surfaces/openai-completions/surface.ts";
import { completionSamples } from "../../../support/surface/surface-samples.ts";
import { testSurface } from "../../../support/test-surface.ts";

testSurface(openaiCompletions, completionSamples);
