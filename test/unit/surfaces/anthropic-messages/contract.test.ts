// What all surfaces have in common, of this one.

import { anthropicMessages } from "../../../../src/surfaces/anthropic-messages/surface.ts";
import { messagesSamples } from "../../../support/surface/surface-samples.ts";
import { testSurface } from "../../../support/test-surface.ts";

testSurface(anthropicMessages, messagesSamples);
