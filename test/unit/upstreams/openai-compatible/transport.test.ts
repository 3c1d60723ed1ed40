// The wing over sockets of our own instead of the platform's fetch.

import { generic } from "../../../../src/upstreams/openai-compatible/dialects/generic.ts";
import { createTcpClient } from "../../../../src/outbound/tcp-client.ts";
import { testDialect } from "../../../support/test-dialect.ts";

testDialect(
  { ...generic, displayName: "The server behind a socket" },
  { recording: "lmstudio-01-reasoning_content.sse", text: "Hello!", reasoning: "Let me see." },
  createTcpClient(),
);
