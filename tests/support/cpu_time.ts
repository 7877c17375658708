import process from "node:process";

/**
 * Returns the CPU time that this process has used, in milliseconds. Unlike the clock it stands still
 * while other processes have the machine.
 */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
