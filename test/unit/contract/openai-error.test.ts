// What a client reads of an error that no other test provokes over HTTP.

import { expect, test } from "bun:test";
import { errorHeaders } from "../../../src/contract/error-headers.ts";
import { GatewayError, httpStatus } from "../../../src/contract/gateway-error.ts";
import { openaiErrorBody } from "../../../src/contract/openai-error.ts";

test("openaiErrorBody tells what was there once from what never was", () => {
  const gone = new GatewayError("gone", "Cannot read the stream once more: it has expired");

  expect(httpStatus.gone).toBe(410);
  expect(openaiErrorBody(gone)).toEqual({
    error: { message: gone.message, type: "not_found_error", param: null, code: "gone" },
  });
  expect(errorHeaders(gone)).toEqual({});
});
