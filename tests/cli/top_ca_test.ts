import assert from "node:assert/strict";
import {
  createAuthority,
  createSelfSigned,
  type TestCertificate,
} from "../security/certificates.ts";
import { startGuarded, startRecorder } from "../security/guarded.ts";
import { cli } from "../support/cli.ts";

/** Runs `top --ca` against a router that serves the given certificate. */
async function topOf(served: TestCertificate, ca: string, args: readonly string[] = []) {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: `[tls]\ncert = "cert.pem"\nkey = "key.pem"`,
    files: { "cert.pem": served.cert, "key.pem": served.key, "ca.pem": ca },
  });
  return await cli(["top", router.url, "--ca", `${router.folder}/ca.pem`, ...args]);
}

Deno.test("top trusts the CA in --ca, or a self-signed certificate", async () => {
  const [authority, other] = [await createAuthority(), await createAuthority()];
  const selfSigned = await createSelfSigned();
  for (
    const [served, ca] of [
      [await authority.issue(), authority.ca],
      [selfSigned, selfSigned.cert],
    ] as const
  ) {
    const { code, stdout, stderr } = await topOf(served, ca);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /1 of 1 healthy|0 of 1 healthy/);
  }
  const { code, stderr } = await topOf(await authority.issue(), other.ca);
  assert.equal(code, 1);
  assert.match(stderr, /^error: no router answers at https:\S+: [^\n]*certificate[^\n]*\n$/i);
});

Deno.test("an unreadable --ca file is reported in one line", async () => {
  const { code, stderr } = await cli(["top", "https://127.0.0.1:1", "--ca", "/nowhere.pem"]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: --ca: \/nowhere\.pem can't be read: [^\n]*\n$/);
});
