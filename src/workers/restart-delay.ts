// How long the supervisor waits for what.

export interface SupervisorTimes {
  /** Longest start of a worker. */
  readonly startMs: number;
  /** Longest reload of one worker. */
  readonly reloadMs: number;
  /** Longest wait for the figures of one worker. */
  readonly scrapeMs: number;
  /** For the answer to a note. */
  readonly noteMs: number;
  /** Between two questions whether a worker lives, and for their answers. */
  readonly pingMs: number;
  /** A worker that lived for so long was sound. */
  readonly soundMs: number;
  /** Before the place of one that ended soon is taken, doubled with each in a row. The first is taken at once. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** In a row, of each of them: then there is no hope. */
  readonly mostFailures: number;
  /** What a worker that died has left running has so long after SIGTERM. */
  readonly leftMs: number;
}

export const usualTimes: SupervisorTimes = {
  startMs: 60_000,
  reloadMs: 60_000,
  scrapeMs: 2000,
  noteMs: 2000,
  pingMs: 15_000,
  soundMs: 10_000,
  firstDelayMs: 100,
  longestDelayMs: 10_000,
  mostFailures: 5,
  leftMs: 2000,
};

/** @param failures ends in a row that came soon after the start; 0: the worker was sound */
export function restartDelayMs(
  failures: number,
  { firstDelayMs, longestDelayMs }: Pick<SupervisorTimes, "firstDelayMs" | "longestDelayMs">,
): number {
  if (failures === 0) return 0;
  return Math.min(firstDelayMs * 2 ** (failures - 1), longestDelayMs);
}
