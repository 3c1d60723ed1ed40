// The requirements that issue 10 answers for, as it lists them.

import { listIds } from "./id-list.ts";

/** Such as "R2-079", in the order of the issue. */
export const issue10Ids: readonly string[] = listIds([
  ["R2-", [79, 83]],
  ["R4-", [65]],
  ["RC-", [8]],
]);
