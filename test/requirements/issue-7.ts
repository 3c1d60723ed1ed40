// The requirements that issue 7 answers for, as it lists them.

import { listIds } from "./id-list.ts";

/** Such as "R4-001", in the order of the issue. */
export const issue7Ids: readonly string[] = listIds([
  [
    "R4-",
    [
      [1, 64],
      [66, 68],
    ],
  ],
]);
