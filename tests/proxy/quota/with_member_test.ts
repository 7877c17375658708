import assert from "node:assert/strict";
import { withMember } from "../../../src/proxy/quota/with_member.ts";

const set = (json: string, isSet = false) =>
  new TextDecoder().decode(withMember(new TextEncoder().encode(json), "priority", "-5", isSet));

Deno.test("a member is added at the end of an object, and no other byte changes", () => {
  assert.equal(set(`{"model":"é"}\n`), `{"model":"é","priority":-5}\n`);
  assert.equal(set(`{ "a": {} }`), `{ "a": {} ,"priority":-5}`);
  assert.equal(set(`{ }`), `{ "priority":-5}`);
});

Deno.test("a member that is set is replaced where it stands; of several the last, which counts", () => {
  assert.equal(set(`{"priority": 7 ,"a":1}`, true), `{"priority": -5 ,"a":1}`);
  assert.equal(set(`{"priority":1,"priority":{}}`, true), `{"priority":1,"priority":-5}`);
  assert.equal(
    set(`{"a":{"priority":1},"priority":2}`, true),
    `{"a":{"priority":1},"priority":-5}`,
  );
});
