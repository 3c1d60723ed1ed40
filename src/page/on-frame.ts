// When the page draws: in the next frame, or soon where there are no frames.

/** A tab in the background draws no frames; its answer goes on all the same. */
const hiddenTabMs = 250;

/** In the next frame. */
export function onFrame(task: () => void): void {
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    task();
  };
  const frame = requestAnimationFrame(run);
  const timer = setTimeout(run, hiddenTabMs);
}
