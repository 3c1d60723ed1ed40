// The requirements that issue 9 answers for, as it lists them.

import { listIds } from "./id-list.ts";

/** Such as "R2-080", in the order of the issue. */
export const issue9Ids: readonly string[] = listIds([
  ["R0-", [65]],
  ["R2-", [[80, 82], 84, 85, 88]],
  ["RC-", [8]],
]);
