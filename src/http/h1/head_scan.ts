/** The progress of a scan over the head of a message. Offsets count from the head's first byte. */
export interface HeadScan {
  state: ScanState;
  /** The next byte to look at. */
  at: number;
  /** The end of the start line. */
  lineEnd: number;
  /** Four offsets a field: start and end of its name, start and end of its value. */
  readonly marks: number[];
}

/** The limits of a head. */
export interface HeadLimits {
  readonly maxBytes: number;
  readonly maxFields: number;
}

/** Why a head is refused. */
export type HeadFault =
  | "too_long"
  | "too_many_fields"
  | "bad_start_line"
  | "bad_line_end"
  | "folded_line"
  | "bad_field_name"
  | "bad_field_value";

type ScanState =
  | "line"
  | "line_lf"
  | "field"
  | "name"
  | "before_value"
  | "value"
  | "value_lf"
  | "end_lf";

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const DEL = 127;

/** The classes of a byte, as bits. */
const TCHAR = 1;
const VALUE = 2;

/** RFC 9110, section 5.6.2 (`tchar`), and section 5.5 (`field-vchar`, with `obs-text`). */
const CLASSES = new Uint8Array(256).map((_, byte) => {
  const isTchar = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte));
  const isValue = byte === TAB || (byte >= SPACE && byte !== DEL);
  return (isTchar ? TCHAR : 0) | (isValue ? VALUE : 0);
});

/** Whether a byte may occur in a name or a token. */
export function isTchar(byte: number): boolean {
  return (CLASSES[byte]! & TCHAR) !== 0;
}

/** Whether a byte may occur in a value or a quoted string. */
export function isValueByte(byte: number): boolean {
  return (CLASSES[byte]! & VALUE) !== 0;
}

/** Starts the scan of a head. */
export function newHeadScan(): HeadScan {
  return { state: "line", at: 0, lineEnd: 0, marks: [] };
}

/**
 * Scans a head by the grammar of RFC 9112, and looks at each byte once, however often it is called
 * with more bytes. It accepts no folded line, no bare CR or LF, no control character, and in a name
 * nothing but `tchar`. The start line is left to the caller, except its characters.
 *
 * @param from where the head starts in `bytes`
 * @param to the end of the bytes that have arrived
 * @returns `true` once the head is whole, `scan.at` is its length then; `false` if more must come
 */
export function scanHead(
  scan: HeadScan,
  bytes: Uint8Array,
  from: number,
  to: number,
  { maxBytes, maxFields }: HeadLimits,
): boolean | HeadFault {
  const { marks } = scan;
  const end = Math.min(to, from + maxBytes);
  let { state } = scan;
  let i = from + scan.at;
  while (i < end) {
    const byte = bytes[i]!;
    switch (state) {
      case "line":
        while (i < end && CLASSES[bytes[i]!]! & VALUE) i++;
        if (i === end) break;
        if (bytes[i] !== CR) return bytes[i] === LF ? "bad_line_end" : "bad_start_line";
        scan.lineEnd = i++ - from;
        state = "line_lf";
        break;
      case "line_lf":
      case "value_lf":
        if (byte !== LF) return "bad_line_end";
        i++;
        state = "field";
        break;
      case "field":
        if (byte === CR) {
          i++;
          state = "end_lf";
          break;
        }
        if (byte === LF) return "bad_line_end";
        if (byte === SPACE || byte === TAB) return "folded_line";
        if (marks.length === 4 * maxFields) return "too_many_fields";
        marks.push(i - from);
        state = "name";
        break;
      case "name":
        while (i < end && CLASSES[bytes[i]!]! & TCHAR) i++;
        if (i === end) break;
        if (bytes[i] !== COLON || i - from === marks.at(-1)) return "bad_field_name";
        marks.push(i++ - from);
        state = "before_value";
        break;
      case "before_value":
        if (byte === SPACE || byte === TAB) {
          i++;
          break;
        }
        // The end of the value moves with each byte that is not a space.
        marks.push(i - from, i - from);
        state = "value";
        break;
      case "value": {
        let last = marks.at(-1)!;
        for (; i < end && CLASSES[bytes[i]!]! & VALUE; i++) {
          if (bytes[i] !== SPACE) last = i + 1 - from;
        }
        marks[marks.length - 1] = last;
        if (i === end) break;
        if (bytes[i] !== CR) return bytes[i] === LF ? "bad_line_end" : "bad_field_value";
        // The grammar drops a tab at the end; some parsers take it as part of the value.
        if (last > marks.at(-2)! && bytes[from + last - 1] === TAB) return "bad_field_value";
        i++;
        state = "value_lf";
        break;
      }
      case "end_lf":
        if (byte !== LF) return "bad_line_end";
        scan.at = i + 1 - from;
        return true;
    }
  }
  scan.state = state;
  scan.at = i - from;
  return scan.at >= maxBytes ? "too_long" : false;
}
