// How often a property is tried, and with which seed. A failure names its seed; PROPERTY_SEED tries that one again, and
// PROPERTY_FACTOR multiplies the runs, as the soak does.

const factor = Number(process.env["PROPERTY_FACTOR"] ?? 1);
const seed = Number(process.env["PROPERTY_SEED"] ?? Date.now() % 2_147_483_647);

export interface Runs {
  readonly numRuns: number;
  readonly seed: number;
}

/** @param runs without a factor */
export function runsOf(name: string, runs: number): Runs {
  const { numRuns } = quietRunsOf(runs);
  console.log(`${name}: ${numRuns} runs, PROPERTY_SEED=${seed}`);
  return { numRuns, seed };
}

/** For properties by the hundred, which say once for all of them how they are repeated. */
export function quietRunsOf(runs: number): Runs {
  return { numRuns: Math.max(1, Math.round(runs * factor)), seed };
}

/** Far beyond what the runs need, for machines that are busy with something else. */
export const patienceMs = 60_000 * Math.max(1, factor);
