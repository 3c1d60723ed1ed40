// Standard error, as the log and complaints write to it: never waited for, and no failure of it is one of theirs.

/** To look at it costs 6 MB and 15 ms: a stream of Node's, with all that it needs. */
export function openStandardError(): NodeJS.WriteStream {
  const { stderr } = process;
  if (!stderr.listeners("error").includes(ignoreFailure)) stderr.on("error", ignoreFailure);
  return stderr;
}

/** A closed pipe or a full disk costs the lines, not the service. One listener serves all of the process. */
function ignoreFailure(): void {}
