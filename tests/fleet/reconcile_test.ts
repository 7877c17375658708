import assert from "node:assert/strict";
import { match } from "../../src/fleet/reconcile.ts";
import { newServer } from "../../src/fleet/state/server.ts";
import { configOf } from "../support/config.ts";

const described = (...urls: string[]) => configOf(urls.map((url) => ({ url }))).servers;

Deno.test("servers are matched by URL, in the order of the configuration", () => {
  const [a, b, c] = described("http://a", "http://b", "http://c").map((config, id) =>
    newServer(id, config, 0)
  );
  const again = described("http://d", "http://c", "http://a/v1");
  const { kept, leaving } = match([a!, b!, c!], again);
  assert.deepEqual(kept.map(({ known }) => known), [undefined, c, a]);
  assert.deepEqual(kept.map(({ config }) => config), again);
  assert.deepEqual(leaving, [b]);
});
