// Writes what each surface makes of each recorded reply into test/fixtures/golden. Run it after a surface or a decoder has
// changed on purpose, and review the difference line by line before it is committed.

import { goldenFixtures } from "../test/support/golden/golden-fixtures.ts";
import { goldenPath, makeGolden } from "../test/support/golden/make-golden.ts";

for (const fixture of goldenFixtures) {
  const { text, problems } = await makeGolden(fixture);
  await Bun.write(goldenPath(fixture), text);
  for (const problem of problems) console.log(`${fixture.name}: ${problem}`);
}
console.log(`${goldenFixtures.length} recordings written`);
process.exit(0);
