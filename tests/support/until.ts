/**
 * Waits until `condition` holds, polling every few milliseconds. The time limit only guards against
 * hanging, so it is far longer than any machine needs. Pass a shorter one only if the time itself is
 * what the test asserts.
 *
 * @returns the time waited, in milliseconds
 * @throws {Error} when it does not hold in time
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
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
