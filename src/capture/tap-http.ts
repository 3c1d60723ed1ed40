// The way out, listened to. Off, it costs one look for each request.

import type { HttpClient } from "../outbound/http-client.ts";
import type { Wire } from "./format.ts";
import type { RecorderSwitch } from "./recorder.ts";

export function tapHttp(http: HttpClient, wire: Wire, capture: RecorderSwitch): HttpClient {
  return {
    send(request) {
      const { recorder } = capture;
      const calling = recorder?.calling;
      if (recorder === undefined || calling === undefined) return http.send(request);
      return recorder.record(http, request, { wire, calling });
    },
  };
}
