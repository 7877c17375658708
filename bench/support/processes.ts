import { setTimeout as sleep } from "node:timers/promises";

/** A child process that listens on a loopback port. */
export interface Listening extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

const READY_MS = 20_000;
const LOOK_MS = 20;
const children = new Set<Deno.ChildProcess>();

/**
 * Starts a program and waits until it listens on `port`.
 *
 * @throws {Error} when it exits first or does not listen in time
 */
export async function startListening(
  program: string,
  args: readonly string[],
  port: number,
): Promise<Listening> {
  const child = startChild(program, args, { stdout: "null" });
  let ended = false;
  child.status.then(() => ended = true);
  const deadline = performance.now() + READY_MS;
  while (!await isListening(port)) {
    if (ended || performance.now() > deadline) {
      await stopChild(child, false);
      throw new Error(`${program} does not listen on port ${port}`);
    }
    await sleep(LOOK_MS);
  }
  return {
    pid: child.pid,
    port,
    [Symbol.asyncDispose]: () => stopChild(child, false),
  };
}

/** Starts a program that is killed when this one ends. Its output is piped by default. */
export function startChild(
  program: string,
  args: readonly string[],
  streams: Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr"> = {},
): Deno.ChildProcess {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    ...streams,
  }).spawn();
  killAtTheEnd(child);
  return child;
}

/** Registers a child for `killChildren`. */
export function killAtTheEnd(child: Deno.ChildProcess): void {
  children.add(child);
  child.status.finally(() => children.delete(child));
}

/**
 * Kills a child with its own children, and waits for its end.
 *
 * @param hasOutput whether its standard output is piped
 */
export async function stopChild(child: Deno.ChildProcess, hasOutput = true): Promise<void> {
  kill(child);
  await child.status;
  if (hasOutput && !child.stdout.locked) await child.stdout.cancel();
}

/** Kills all children that are still running, with their own children. */
export function killChildren(): void {
  for (const child of children) kill(child);
}

function kill(child: Deno.ChildProcess): void {
  if (!children.has(child)) return;
  for (const pid of withDescendants(child.pid)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // It ended meanwhile.
    }
  }
}

/** Returns the arguments to run a program, given by its path below `bench/`. */
export function denoArguments(
  program: string,
  ...args: readonly string[]
): string[] {
  const path = new URL(`../${program}`, import.meta.url).pathname;
  return ["run", "--quiet", "--allow-net", "--allow-read", "--allow-env", path, ...args];
}

export function isInstalled(program: string, versionFlag = "-v"): boolean {
  try {
    return new Deno.Command(program, {
      args: [versionFlag],
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

/** Below the ports from which systems connect, which may take one that was free just before. */
const FIRST_PORT = 10_000;
const PORTS = 20_000;
let portsTried = Math.floor(Math.random() * PORTS);

/** Returns a free port of 127.0.0.1, another one each time. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + portsTried++ % PORTS;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

export { sleep };

/**
 * Returns the CPU time of a process and its descendants so far, in microseconds. The scheduler
 * counts nanoseconds per thread; `/proc/PID/stat` counts in steps of 10 ms, too coarse for nginx.
 */
export function cpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const one of withDescendants(pid)) {
    const folder = `/proc/${one}/task`;
    for (const { name } of Deno.readDirSync(folder)) {
      nanoseconds += cpuNanoseconds(`${folder}/${name}`);
    }
  }
  return nanoseconds / 1000;
}

function cpuNanoseconds(thread: string): number {
  try {
    return parseInt(Deno.readTextFileSync(`${thread}/schedstat`));
  } catch {
    return 0; // it ended meanwhile
  }
}

/** Returns the resident memory of a process and its descendants, in KB of 1,024 bytes. */
export function residentKilobytes(pid: number): number {
  return withDescendants(pid).reduce((sum, one) => sum + kilobytes(one, "VmRSS"), 0);
}

/** Returns the peak resident memory of a process so far, in KB of 1,024 bytes. */
export function peakKilobytes(pid: number): number {
  return kilobytes(pid, "VmHWM");
}

/** A process that has ended but was not waited for has no memory. */
function kilobytes(pid: number, field: string): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
}

/** Returns a process's id and those of all its descendants. */
export function withDescendants(pid: number): number[] {
  const pids = [pid];
  // The list grows while it is walked.
  for (const one of pids) pids.push(...childrenOf(one));
  return pids;
}

function childrenOf(pid: number): number[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) =>
      Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)
        .split(" ").filter(Boolean).map(Number)
    );
  } catch {
    return []; // it ended meanwhile
  }
}

/** Returns the file descriptors that a process may open: the hard limit, which Deno makes its own. */
export function descriptorLimit(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const [, most] = /^Max open files +\S+ +(\S+)/m.exec(limits)!;
  return most === "unlimited" ? Infinity : Number(most);
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
