// The requirements that issue 3 answers for, as it lists them.

import { listIds } from "./id-list.ts";

/** Such as "R0-001", in the order of the issue. */
export const issue3Ids: readonly string[] = listIds([
  ["R0-", [[1, 26], 29, 30, 31, [34, 53], 58]],
  ["R1-", [[2, 14], 18, [21, 24], 26, 28, [30, 34]]],
  [
    "R2-",
    [
      [1, 46],
      [49, 53],
      [56, 59],
      [61, 74],
      [76, 78],
    ],
  ],
  [
    "RC-",
    [
      [1, 4],
      [6, 9],
    ],
  ],
]);
