import type { Kind } from "../parse_message.ts";
import type { Chance } from "./chance.ts";
import { validMessage } from "./messages.ts";
import {
  BYTES,
  CHUNK_SIZES,
  CODINGS,
  LENGTHS,
  LINE_ENDS,
  TRAILER_TRICKS,
  trickField,
  trickStartLine,
  VERSIONS,
} from "./tricks.ts";

function editLine(
  text: string,
  chance: Chance,
  edit: (lines: string[], at: number) => void,
): string {
  const lines = text.split("\r\n");
  // Mostly within the head, which the first empty line ends.
  const head = Math.max(1, lines.indexOf(""));
  edit(lines, chance.below(chance.happens(0.8) ? head : lines.length));
  return lines.join("\r\n");
}

type Mutation = (text: string, chance: Chance, kind: Kind) => string;

const splice = (text: string, at: number, count: number, insert: string) =>
  text.slice(0, at) + insert + text.slice(at + count);

/** A chunk's size, with extensions. */
const SIZE_LINE = /(?<=\r\n)[0-9a-fA-F]+(?:;[^\r\n]*)?(?=\r\n)/g;

const MUTATIONS: readonly Mutation[] = [
  function replaceByte(text, chance) {
    return splice(text, chance.below(text.length), 1, chance.pick([...BYTES]));
  },
  function insertByte(text, chance) {
    return splice(text, chance.below(text.length + 1), 0, chance.pick([...BYTES]));
  },
  function deleteBytes(text, chance) {
    return splice(text, chance.below(text.length), 1 + chance.below(3), "");
  },
  function replaceByAnyByte(text, chance) {
    return splice(text, chance.below(text.length), 1, String.fromCharCode(chance.below(256)));
  },
  function flipCase(text, chance) {
    const at = chance.below(text.length);
    return splice(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ 32));
  },
  function cut(text, chance) {
    return text.slice(0, chance.below(text.length));
  },
  function duplicateSpan(text, chance) {
    const at = chance.below(text.length);
    return splice(text, at, 0, text.slice(at, at + 1 + chance.below(40)));
  },
  function duplicateLine(text, chance) {
    return editLine(text, chance, (lines, at) => lines.splice(at, 0, lines[at]!));
  },
  function deleteLine(text, chance) {
    return editLine(text, chance, (lines, at) => lines.splice(at, 1));
  },
  function swapLines(text, chance) {
    return editLine(
      text,
      chance,
      (lines, at) => lines.splice(at, 2, ...lines.slice(at, at + 2).reverse()),
    );
  },
  function changeLineEnd(text, chance) {
    const lines = text.split("\r\n");
    const at = chance.below(lines.length);
    return lines.slice(0, at + 1).join("\r\n") + chance.pick(LINE_ENDS) +
      lines.slice(at + 1).join("\r\n");
  },
  function changeAllLineEnds(text, chance) {
    return text.replaceAll("\r\n", chance.pick(["\n", "\r", "\r\r\n"]));
  },
  function insertTrickField(text, chance) {
    return editLine(text, chance, (lines, at) => lines.splice(at + 1, 0, trickField(chance)));
  },
  function replaceByTrickField(text, chance) {
    return editLine(
      text,
      chance,
      (lines, at) => lines.splice(Math.max(1, at), 1, trickField(chance)),
    );
  },
  function changeSpaces(text, chance) {
    return editLine(text, chance, (lines, at) => {
      lines[at] = lines[at]!.replace(
        /[ \t]+|:/,
        (space) =>
          chance.pick(["", " ", "  ", "\t", ":", ": ", " :", "\v"]) +
          (space === ":" && chance.happens(0.5) ? ":" : ""),
      );
    });
  },
  function appendToLine(text, chance) {
    return editLine(
      text,
      chance,
      (lines, at) =>
        lines[at] += chance.pick([" ", "\t", " \t", ",", ";", "\0", "\v", "\xa0", "\x7f"]),
    );
  },
  function changeNumber(text, chance) {
    return text.replace(
      /(?<=[Ll]ength: ?)\d+/,
      (digits) =>
        chance.pick([
          ...LENGTHS,
          `0${digits}`,
          String(Number(digits) + chance.below(3) - 1),
          `${digits}, ${digits}`,
          `${digits} `,
          `${digits}\t`,
        ]),
    );
  },
  function changeCoding(text, chance) {
    return text.replace(/(?<=[Ee]ncoding: ?)chunked/, () => chance.pick(CODINGS));
  },
  function changeStartLine(text, chance, kind) {
    const lines = text.split("\r\n");
    lines[0] = trickStartLine(kind, chance, lines[0]!);
    return lines.join("\r\n");
  },
  function changeChunkSize(text, chance) {
    const sizes = [...text.matchAll(SIZE_LINE)];
    if (sizes.length === 0) return text;
    const { 0: size, index } = chance.pick(sizes);
    const trick = chance.pick(CHUNK_SIZES);
    // Half of the tricks keep the size right.
    const right = chance.happens(0.5) ? trick.replace("5", size.replace(/;.*/, "")) : trick;
    return splice(text, index, size.length, right);
  },
  function changeTrailers(text, chance) {
    const last = text.lastIndexOf("0\r\n");
    return last === -1 ? text : splice(text, last + 3, 0, `${chance.pick(TRAILER_TRICKS)}\r\n`);
  },
  function changeVersion(text, chance) {
    return text.replace("HTTP/1.1", chance.pick(["HTTP/1.0", ...VERSIONS]));
  },
  function append(text, chance) {
    return text +
      chance.pick(["\r\n", "\n", "\0", "x", "GET", "0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", " "]);
  },
  function manyFields(text, chance) {
    const count = chance.pick([31, 32, 33, 64, 95, 99, 100, 101]);
    return editLine(
      text,
      chance,
      (lines, at) => lines.splice(at + 1, 0, ...Array<string>(count).fill("x: y")),
    );
  },
];

/**
 * Generates the bytes of a connection, as text: one to three messages, of which one or none is
 * mutated, up to four times.
 */
export function mutatedMessages(kind: Kind, chance: Chance): string {
  const count = chance.happens(0.3) ? 2 + chance.below(2) : 1;
  const messages = Array.from({ length: count }, () => validMessage(kind, chance));
  const at = chance.below(count);
  if (chance.happens(0.05)) return messages.join("");
  for (let n = chance.happens(0.7) ? 1 : 2 + chance.below(3); n > 0; n--) {
    const text = messages[at]!;
    if (text.length > 0) messages[at] = chance.pick(MUTATIONS)(text, chance, kind);
  }
  return messages.join("");
}
