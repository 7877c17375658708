/**
 * Opens streams in a separate process and reads them. Takes the number of streams to have open as
 * lines on standard input. Once that many receive tokens, it prints the {@linkcode Received} since
 * the previous line.
 *
 * Arguments: the {@linkcode StreamLoad} as JSON.
 */
import { createInterface } from "node:readline";
import { stdin } from "node:process";
import { connectRaw, writeAll } from "../../support/connection.ts";
import { sleep } from "../../support/processes.ts";
import { quantileOf } from "../statistics.ts";
import { sentAtMs } from "../upstream/event.ts";
import { requestBytes } from "./request_bytes.ts";

export interface StreamLoad {
  /** Target port on loopback. */
  readonly port: number;
  /** Use TLS and trust this authority, in PEM. @default plain */
  readonly ca?: string | undefined;
  /**
   * Reads most streams only this often, which costs less, and times the events of the others.
   * @default reads at once and times none
   */
  readonly lazyMs?: number;
}

export interface Received {
  readonly events: number;
  /** Time from the upstream's write to the read here, in milliseconds; 0 if none was timed. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Connections opened at the same time, so that no listener's backlog overflows. */
const OPENING = 32;
/** One stream in this many is timed. It is prime, so that the timed ones differ in their phase. */
const TIMED_EVERY = 19;
const READ_BYTES = 8192;
const NEWLINE = 10;
const OK = "HTTP/1.1 200";
const latin1 = new TextDecoder("latin1");

const load = JSON.parse(Deno.args[0]!) as StreamLoad;
const request = requestBytes({ stream: true });
let events = 0;
let delaysMs: number[] = [];
let opened = 0;

async function openUpTo(streams: number): Promise<void> {
  await Promise.all(Array.from({ length: OPENING }, async () => {
    while (opened < streams) await openOne(opened++);
  }));
}

/** Resolves when the answer's first bytes have come, and reads on. */
async function openOne(index: number): Promise<void> {
  const connection = await connectRaw(load.port, load.ca);
  await writeAll(connection, request);
  const buffer = new Uint8Array(READ_BYTES);
  const length = await connection.read(buffer) ?? 0;
  const [status] = latin1.decode(buffer.subarray(0, length)).split("\r\n", 1);
  if (!status!.startsWith(OK)) throw new Error(`stream ${index + 1} got "${status}"`);
  const isTimed = load.lazyMs !== undefined && index % TIMED_EVERY === 0;
  readOn(connection, buffer, isTimed).catch(fail);
}

async function readOn(connection: Deno.Conn, buffer: Uint8Array, isTimed: boolean): Promise<void> {
  const pauseMs = isTimed ? undefined : load.lazyMs;
  for (let last = 0;;) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error("a stream ended");
    // An event ends with an empty line.
    for (let i = 0; i < length; i++) {
      const byte = buffer[i]!;
      if (byte === NEWLINE && last === NEWLINE) events++;
      last = byte;
    }
    if (isTimed) recordDelays(latin1.decode(buffer.subarray(0, length)));
    if (pauseMs !== undefined) await sleep(pauseMs);
  }
}

function recordDelays(text: string): void {
  const nowMs = performance.timeOrigin + performance.now();
  for (const sentMs of sentAtMs(text)) delaysMs.push(nowMs - sentMs);
}

function takeReceived(): Received {
  const received = {
    events,
    p50Ms: quantileOf(delaysMs, 0.5),
    p99Ms: quantileOf(delaysMs, 0.99),
  };
  events = 0;
  delaysMs = [];
  return received;
}

function fail(error: Error): never {
  console.error(`The load failed: ${error.message}`);
  Deno.exit(1);
}

if (import.meta.main) {
  for await (const line of createInterface({ input: stdin })) {
    await openUpTo(Number(line)).catch(fail);
    console.log(JSON.stringify(takeReceived()));
  }
  Deno.exit();
}
