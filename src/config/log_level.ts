/** From the most talkative to the least. */
export const logLevels = ["debug", "info", "warning", "error"] as const;

/** How much the log says. */
export type Level = typeof logLevels[number];

/** The level of that name in any case; `undefined` where there is none. */
export function levelNamed(name: string): Level | undefined {
  return logLevels.find((level) => level === name.toLowerCase());
}
