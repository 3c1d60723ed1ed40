// Times as answers tell them.

/** No calendar goes further. */
const latestMs = 8.64e15;

/** @param atMs epoch milliseconds @returns null for no time, and for one that no calendar has, such as the end of what never ends */
export function isoTime(atMs: number | undefined): string | null {
  return atMs === undefined || !Number.isFinite(atMs) || atMs > latestMs ? null : new Date(atMs).toISOString();
}
