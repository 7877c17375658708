/** Log levels, from most to least verbose. */
export const logLevels = ["debug", "info", "warning", "error"] as const;

/** A log level. */
export type Level = typeof logLevels[number];

/** Returns the level with that name, ignoring case, or `undefined` if the name is unknown. */
export function levelNamed(name: string): Level | undefined {
  return logLevels.find((level) => level === name.toLowerCase());
}
