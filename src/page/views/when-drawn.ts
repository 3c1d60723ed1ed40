// Waits for what the page draws of a change: the store tells it in the next frame.

/** Runs the task when the change that has just been made can be seen. */
export function whenDrawn(task: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(task));
}
