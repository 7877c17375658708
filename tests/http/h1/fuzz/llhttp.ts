import { Buffer } from "node:buffer";
import process from "node:process";
import type { Kind } from "../parse_message.ts";

/** The parser behind Deno's `node:http`, which is llhttp, as far as it is used here. */
interface NodeParser {
  [callback: number]: (...args: never[]) => number | void;
  initialize(kind: number, resource: object, maxHeaderSize: number, lenient: number): void;
  /** Returns an error with a `code`, or a number. */
  execute(bytes: Buffer): number | Error & { readonly code?: string };
  finish(): unknown;
}

const { HTTPParser, allMethods } = (process as unknown as {
  binding(name: "http_parser"): {
    readonly HTTPParser: Readonly<Record<string, number>> & (new () => NodeParser);
    /** Names by the numbers that the parser reports. */
    readonly allMethods: readonly string[];
  };
}).binding("http_parser");

/** llhttp's version. */
export const VERSION = process.versions["llhttp"];

/** What llhttp has read of a message. */
export interface Reading {
  /** Method and target, as written, or the status. */
  start: readonly [string, string] | readonly [number];
  /** Without trailers. */
  fields: [string, string][];
  body: Uint8Array;
  keepsAlive: boolean;
  /** How many messages have ended; the other properties are of the first. */
  ended: number;
  /** llhttp's error code. */
  refused: string | undefined;
}

/** Reads one message with llhttp in strict mode. */
export interface LlhttpReader {
  readonly reading: Readonly<Reading>;
  /** Reads more bytes. */
  feed(bytes: Uint8Array): void;
  /** Tells of the connection's end. */
  finish(): void;
}

/** Starts to read a message. */
export function readWithLlhttp(kind: Kind): LlhttpReader {
  const reading: Reading = {
    start: [0],
    fields: [],
    body: new Uint8Array(),
    keepsAlive: false,
    ended: 0,
    refused: undefined,
  };
  const parser = new HTTPParser();
  const type = HTTPParser[kind === "request" ? "REQUEST" : "RESPONSE"]!;
  parser.initialize(type, {}, 0, HTTPParser["kLenientNone"]!);
  // Many fields arrive in parts before the end of the head; after it come the trailers.
  let target = "";
  let inHead = true;
  const add = (raw: readonly string[]) => {
    for (let i = 0; i < raw.length; i += 2) {
      reading.fields.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
    }
  };
  parser[HTTPParser["kOnHeaders"]!] = (raw: readonly string[], url: string) => {
    if (!inHead) return;
    target += url;
    add(raw);
  };
  parser[HTTPParser["kOnHeadersComplete"]!] = (
    _major: number,
    _minor: number,
    raw: readonly string[] | null,
    method: number,
    url: string | null,
    status: number,
    _reason: string,
    _upgrade: boolean,
    keepsAlive: boolean,
  ) => {
    if (!inHead) return 0;
    inHead = false;
    if (raw) add(raw);
    reading.start = kind === "request" ? [allMethods[method]!, url ?? target] : [status];
    reading.keepsAlive = keepsAlive;
    return 0;
  };
  parser[HTTPParser["kOnBody"]!] = (bytes: Uint8Array) => {
    if (reading.ended === 0) reading.body = Buffer.concat([reading.body, bytes]);
  };
  parser[HTTPParser["kOnMessageComplete"]!] = () => {
    reading.ended++;
  };
  return {
    reading,
    feed(bytes) {
      if (reading.refused !== undefined || bytes.length === 0) return;
      const read = parser.execute(Buffer.from(bytes));
      if (typeof read !== "number") reading.refused = read.code ?? read.message;
    },
    finish() {
      if (reading.refused !== undefined) return;
      const read = parser.finish();
      if (read instanceof Error) reading.refused = read.message;
    },
  };
}
