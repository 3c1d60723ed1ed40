// Where responses are asked for, without the code that answers.

import { responsesPath } from "../surfaces/openai-responses/surface.ts";
import type { RoutePlace } from "./lazy-routes.ts";

export const responsePlaces: readonly RoutePlace[] = [
  { method: "POST", path: responsesPath },
  { method: "POST", path: `${responsesPath}/*` },
  { method: "GET", path: `${responsesPath}/*` },
  { method: "DELETE", path: `${responsesPath}/*` },
];
