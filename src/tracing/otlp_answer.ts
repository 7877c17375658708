/** A collector's answer to an export. */
export interface OtlpAnswer {
  /** Number of spans that it rejects in an export that it accepts. */
  readonly rejected: number;
  /** Its error message, or the text of the answer; may be empty. */
  readonly message: string;
}

const LONGEST_MESSAGE = 200;

const decoder = new TextDecoder();

/**
 * Reads the body of an answer. It may have either encoding, whichever was sent. A body that is not
 * valid counts as empty.
 *
 * @param type the `content-type`
 * @param isOk whether the status means success
 */
export function readAnswer(type: string | null, body: Uint8Array, isOk: boolean): OtlpAnswer {
  const isProtobuf = /^application\/(?:x-)?protobuf\b/i.test(type ?? "");
  if (isProtobuf) return isOk ? partialIn(body) : { rejected: 0, message: textIn(body, MESSAGE) };
  const text = decoder.decode(body);
  return isOk ? partialInJson(text) : { rejected: 0, message: cut(text) };
}

/** Numbers of fields: of `ExportTraceServiceResponse`, `ExportTracePartialSuccess` and `Status`. */
const PARTIAL_SUCCESS = 1;
const REJECTED_SPANS = 1;
const ERROR_MESSAGE = 2;
const MESSAGE = 2;

function partialIn(body: Uint8Array): OtlpAnswer {
  const partial = fieldsIn(body).get(PARTIAL_SUCCESS);
  if (!(partial instanceof Uint8Array)) return { rejected: 0, message: "" };
  const rejected = Number(fieldsIn(partial).get(REJECTED_SPANS));
  return { rejected: countOf(rejected), message: textIn(partial, ERROR_MESSAGE) };
}

function partialInJson(text: string): OtlpAnswer {
  try {
    const { partialSuccess } = JSON.parse(text);
    const rejected = countOf(Number(partialSuccess?.rejectedSpans));
    return { rejected, message: cut(String(partialSuccess?.errorMessage ?? "")) };
  } catch {
    return { rejected: 0, message: "" };
  }
}

function countOf(value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function textIn(message: Uint8Array, field: number): string {
  const value = fieldsIn(message).get(field);
  return value instanceof Uint8Array ? cut(decoder.decode(value)) : "";
}

function cut(text: string): string {
  return text.slice(0, LONGEST_MESSAGE);
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/**
 * Reads the fields of a message of Protocol Buffers up to one that is none of a number or of bytes,
 * or is cut off. Answers have no others.
 */
function fieldsIn(message: Uint8Array): ReadonlyMap<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < message.length && scale < 2 ** 64; scale *= 0x80) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return NaN;
  };
  while (at < message.length) {
    const tag = varint();
    const value = varint();
    const kind = tag % 8;
    if (kind === VARINT) fields.set(Math.floor(tag / 8), value);
    else if (kind === LENGTH_DELIMITED && value <= message.length - at) {
      fields.set(Math.floor(tag / 8), message.subarray(at, at += value));
    } else break;
  }
  return fields;
}
