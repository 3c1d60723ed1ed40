// Processes that a worker has started and, killed itself, cannot end any more: tool servers lead groups of their own.

/**
 * SIGTERM to each group, and SIGKILL to what is left of it.
 * @param leftMs how long they have in between
 */
export function endGroups(leaders: Iterable<number>, leftMs: number): void {
  const groups = [...leaders];
  if (groups.length === 0) return;
  for (const leader of groups) signal(leader, "SIGTERM");
  setTimeout(() => {
    for (const leader of groups) signal(leader, "SIGKILL");
  }, leftMs);
}

function signal(leader: number, name: NodeJS.Signals): void {
  // 0, 1 and what is no number would mean others.
  if (!Number.isInteger(leader) || leader <= 1) return;
  try {
    process.kill(-leader, name);
  } catch {
    // Nobody is left of it.
  }
}
