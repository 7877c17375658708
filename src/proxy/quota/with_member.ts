import { concat } from "../../util/bytes.ts";
import { atOnce } from "../../util/walk.ts";
import { DEEPEST, membersOf } from "../request/json_members.ts";

const SPACE = 0x20;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const encoder = new TextEncoder();

/**
 * Sets a member of a JSON object: in place of its value if it `isSet`, else at the end. No other byte
 * changes.
 *
 * @param json a valid object
 * @param value as JSON
 */
export function withMember(
  json: Uint8Array<ArrayBuffer>,
  name: string,
  value: string,
  isSet: boolean,
): Uint8Array<ArrayBuffer> {
  const span = isSet ? spanOf(json, name) : undefined;
  if (span) {
    return concat([json.subarray(0, span[0]), encoder.encode(value), json.subarray(span[1])]);
  }
  const end = json.lastIndexOf(CLOSE_OBJECT);
  let before = end - 1;
  while (json[before]! <= SPACE) before--;
  const comma = json[before] === OPEN_OBJECT ? "" : ",";
  const member = encoder.encode(`${comma}${JSON.stringify(name)}:${value}`);
  return concat([json.subarray(0, end), member, json.subarray(end)]);
}

function spanOf(json: Uint8Array, name: string) {
  // A body that is nested deeper has been refused before.
  const members = atOnce(membersOf(json, [name], DEEPEST));
  return typeof members === "string" ? undefined : members.values[name];
}
