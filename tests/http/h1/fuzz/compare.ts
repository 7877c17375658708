import { isMessage, type Kind, type Message, parseMessage } from "../parse_message.ts";
import { type Reading, readWithLlhttp } from "./llhttp.ts";

/** What came of comparing the two parsers on the bytes of a connection. */
export interface Comparison {
  /** How many messages both accepted, and read alike. */
  readonly alike: number;
  /** Where ours accepts or waits, and llhttp refuses or reads something else. */
  readonly difference?: string;
  /** Why ours refused the message after those, and whether llhttp accepts that message. */
  readonly refused?: { readonly why: string; readonly llhttpAccepts: boolean };
}

/** Reads the messages of a connection with both parsers until ours stops. */
export function compare(kind: Kind, bytes: Uint8Array): Comparison {
  let from = 0;
  for (let alike = 0;; alike++) {
    if (from === bytes.length) return { alike };
    const ours = parseMessage(kind, bytes, from);
    if (isMessage(ours)) {
      const difference = differenceFrom(ours, kind, bytes.subarray(from, ours.end));
      if (difference !== undefined) return { alike, difference };
      if (!ours.keepsAlive) return { alike: alike + 1 };
      from = ours.end;
      continue;
    }
    const theirs = readWithLlhttp(kind);
    theirs.feed(bytes.subarray(from));
    const accepts = theirs.reading.ended > 0;
    if (ours !== "incomplete") {
      return { alike, refused: { why: ours.refused, llhttpAccepts: accepts } };
    }
    return accepts ? { alike, difference: "llhttp finds an end where ours waits" } : { alike };
  }
}

/** @param bytes the message as ours read it: llhttp must need its last byte, and no more */
function differenceFrom(ours: Message, kind: Kind, bytes: Uint8Array): string | undefined {
  const llhttp = readWithLlhttp(kind);
  const { reading } = llhttp;
  llhttp.feed(bytes.subarray(0, -1));
  if (reading.ended > 0) return "llhttp finds an earlier end";
  llhttp.feed(bytes.subarray(-1));
  if (ours.untilClose) {
    if (reading.ended > 0) return "llhttp finds an end without a close";
    llhttp.finish();
  }
  // Once the message has ended, llhttp refuses only that the connection goes on.
  if (reading.refused !== undefined && reading.ended === 0) return `llhttp: ${reading.refused}`;
  if (reading.ended === 0) return "llhttp waits where ours finds an end";
  return partsThatDiffer(ours, reading);
}

function partsThatDiffer(ours: Message, theirs: Reading): string | undefined {
  const { start: written } = theirs;
  const start = written.length === 1 ? written : [written[0], pathAndQueryOf(written[1])];
  if (!same(ours.start, start)) return `start: ${show(ours.start)} and ${show(start)}`;
  if (!same(ours.fields, theirs.fields)) {
    return `fields: ${show(ours.fields)} and ${show(theirs.fields)}`;
  }
  if (!same([...ours.body], [...theirs.body])) return "body";
  if (ours.keepsAlive && !theirs.keepsAlive) return "llhttp closes where ours keeps alive";
  return undefined;
}

/** Path and query of a target, which may be absolute: its authority takes the place of `Host`. */
export function pathAndQueryOf(target: string): string {
  const rest = target.replace(/^https?:\/\/[^/?]*/i, "");
  return rest === target || rest.startsWith("/") ? rest : `/${rest}`;
}

const show = (value: unknown) => JSON.stringify(value);
const same = (a: unknown, b: unknown) => show(a) === show(b);
