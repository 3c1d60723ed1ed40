// Where responses and conversations are asked for, without the code that answers.

import { responsesPath } from "../../surfaces/openai-responses/surface.ts";
import type { RoutePlace } from "../lazy-routes.ts";

export const responsePlaces: readonly RoutePlace[] = [
  { method: "POST", path: responsesPath },
  { method: "POST", path: `${responsesPath}/*` },
  { method: "GET", path: `${responsesPath}/*` },
  { method: "DELETE", path: `${responsesPath}/*` },
  { method: "POST", path: "/v1/conversations" },
  { method: "POST", path: "/v1/conversations/*" },
  { method: "GET", path: "/v1/conversations/*" },
  { method: "DELETE", path: "/v1/conversations/*" },
];
