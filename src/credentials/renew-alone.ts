// One renewal at a time of what several processes share: they see one another by a lease in the store.

/** Longest that a renewal may take. */
export const renewTimeoutMs = 15_000;
/** Longer than that: whoever died in it does not block the others for long. */
const leaseMs = 20_000;
const leasePollMs = 100;

export interface Leases {
  /** @returns false while somebody else has it */
  lease(id: string, holder: string, leaseMs: number): Promise<boolean>;
  release(id: string, holder: string): Promise<void>;
}

export interface Renewal {
  /** Looks whether another process has done it meanwhile. */
  isDone(): Promise<boolean>;
  renew(): Promise<void>;
  /** What to throw when another process does not come to an end. */
  busy(): Error;
}

/** Waits for another process that renews, and renews unless that one has done it. @throws what the renewal throws */
export async function renewAlone(leases: Leases, id: string, renewal: Renewal): Promise<void> {
  const holder = crypto.randomUUID();
  const deadlineMs = performance.now() + leaseMs + renewTimeoutMs;
  while (!(await leases.lease(id, holder, leaseMs))) {
    if (performance.now() > deadlineMs) throw renewal.busy();
    await Bun.sleep(leasePollMs);
    if (await renewal.isDone()) return;
  }
  try {
    // It may have been done between our last look and the lease.
    if (!(await renewal.isDone())) await renewal.renew();
  } finally {
    // A lease that is not given back runs out.
    await leases.release(id, holder).catch(() => {});
  }
}
