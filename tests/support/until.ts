/**
 * Waits until `condition` holds, polling every few milliseconds.
 *
 * @returns the time waited, in milliseconds
 * @throws {Error} when it does not hold in time
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 5_000,
): Promise<number> {
  const started = performance.now();
  while (!(await condition())) {
    if (performance.now() - started > withinMs) {
      throw new Error(`Not within ${withinMs} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return performance.now() - started;
}
