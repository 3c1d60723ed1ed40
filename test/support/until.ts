// Waiting for something that nobody tells of.

const patienceMs = 10_000;

/** Until it holds. @throws after 10 s: whoever waits for nothing should hear of it, and not of the whole test's limit */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`It did not come to that within ${patienceMs} ms: ${holds}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
