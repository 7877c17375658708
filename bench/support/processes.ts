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
  const child = startChild(program, args);
  let ended = false;
  child.status.then(() => ended = true);
  const deadline = performance.now() + READY_MS;
  while (!await isListening(port)) {
    if (ended || performance.now() > deadline) {
      await stopChild(child);
      throw new Error(`${program} does not listen on port ${port}`);
    }
    await sleep(LOOK_MS);
  }
  return {
    pid: child.pid,
    port,
    [Symbol.asyncDispose]: () => stopChild(child),
  };
}

/** Starts a program that is killed when this one ends. */
export function startChild(
  program: string,
  args: readonly string[],
  stderr: "inherit" | "piped" = "inherit",
): Deno.ChildProcess {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr,
  }).spawn();
  killAtTheEnd(child);
  return child;
}

/** Registers a child for `killChildren`. */
export function killAtTheEnd(child: Deno.ChildProcess): void {
  children.add(child);
  child.status.finally(() => children.delete(child));
}

export async function stopChild(child: Deno.ChildProcess): Promise<void> {
  if (children.has(child)) child.kill("SIGKILL");
  await child.status;
  if (!child.stdout.locked) await child.stdout.cancel();
}

/** Kills all children that are still running. */
export function killChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** Returns the arguments to run a program, given by its path below `bench/`. */
export function denoArguments(
  program: string,
  ...args: readonly string[]
): string[] {
  const path = new URL(`../${program}`, import.meta.url).pathname;
  return ["run", "--quiet", "--allow-net", "--allow-read", path, ...args];
}

export function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, {
      args: ["-v"],
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

export { sleep };

/**
 * Returns the CPU time of a process so far, in microseconds. The scheduler counts nanoseconds per
 * thread; `/proc/PID/stat` counts in steps of 10 ms, too coarse for nginx.
 */
export function cpuMicroseconds(pid: number): number {
  const folder = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    nanoseconds += parseInt(
      Deno.readTextFileSync(`${folder}/${name}/schedstat`),
    );
  }
  return nanoseconds / 1000;
}

/** Returns the resident memory of a process, in KB of 1,024 bytes. */
export function residentKilobytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)![1]);
}

/** Returns the peak resident memory of a process so far, in KB of 1,024 bytes. */
export function peakKilobytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)![1]);
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
