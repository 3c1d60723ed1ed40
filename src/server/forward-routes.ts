// The routes of what is passed on: JSON is read whole, for it names its model; forms and sounds go through as they arrive.

import { type ForwardEndpoint, forwardEndpoints } from "../contract/forward.ts";
import type { IncomingUpload } from "../gateway/forward/upload.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { checkEncoding, checkLength, readBody } from "./body/read-body.ts";
import type { SurfaceRoutesOptions } from "./surface-routes.ts";
import type { ServerRoute } from "./trip.ts";

export interface ForwardRoutesOptions extends Omit<SurfaceRoutesOptions, "gateway"> {
  readonly gateway: Pick<Gateway, "forward">;
}

export function forwardRoutes(options: ForwardRoutesOptions): ServerRoute[] {
  return forwardEndpoints.map((endpoint) => ({
    method: "POST",
    path: `/v1/${endpoint}`,
    answer: async ({ request, caller, access, requestId }) => {
      const upload = uploadOf(endpoint, request, options.maxBodyBytes);
      const body = upload ?? (await readBody(request, options.maxBodyBytes));
      let onAbandoned: (() => void) | undefined;
      // Not before: a body that never ends is cut by the idle timeout.
      const onBodyOver = (): void => {
        onAbandoned ??= options.keepOpen(request);
      };
      if (upload === undefined) onBodyOver();
      const { headers, signal } = request;
      return options.gateway.forward({
        endpoint,
        body,
        headers,
        signal,
        caller,
        access,
        requestId,
        onBodyOver,
        onAbandoned: () => onAbandoned?.(),
      });
    },
  }));
}

/** Undefined: it is JSON, or meant to be. @throws {GatewayError} `too-large`, `invalid-request` */
function uploadOf(endpoint: ForwardEndpoint, request: Request, maxBytes: number): IncomingUpload | undefined {
  const contentType = request.headers.get("content-type") ?? "";
  const takesFiles = endpoint === "audio/transcriptions" || endpoint === "audio/translations";
  if (!takesFiles || contentType === "" || /^application\/(?:json|x-www-form-urlencoded)|^text\//i.test(contentType)) {
    return undefined;
  }
  checkEncoding(request);
  const sizeBytes = checkLength(request, maxBytes);
  const stream = request.body ?? new Blob([]).stream();
  return { stream, contentType, sizeBytes, maxBytes };
}
