import assert from "node:assert/strict";
import {
  createAuthority,
  createSelfSigned,
  type TestCertificate,
} from "../security/certificates.ts";
import { startGuarded, startRecorder } from "../security/guarded.ts";
import { cli } from "../support/cli.ts";
import { startCommand } from "../monitor/terminal/session.ts";
import { hasTmux } from "../monitor/terminal/tmux.ts";

/** The configuration of a router with a certificate, beside a file with a CA. */
const tlsOf = (served: TestCertificate, ca = "") => ({
  tables: `[tls]\ncert = "cert.pem"\nkey = "key.pem"`,
  files: { "cert.pem": served.cert, "key.pem": served.key, "ca.pem": ca },
});

/** Runs `top --ca` against a router that serves the given certificate. */
async function topOf(served: TestCertificate, ca: string, args: readonly string[] = []) {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    ...tlsOf(served, ca),
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
  assert.match(
    stderr,
    /^error: no router answers at https:\S+: [^\n]*; no certificate in --ca has signed [^\n]*\n$/,
  );
});

Deno.test("a certificate of a private CA needs --ca, and the error says so", async () => {
  const authority = await createAuthority();
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    ...tlsOf(await authority.issue()),
  });
  const { code, stderr } = await cli(["top", router.url]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: no router answers at https:\S+: [^\n]*; pass the CA of its certificate with --ca\n$/,
  );
});

Deno.test("a --ca file without a certificate is reported in one line", async () => {
  const { key } = await createSelfSigned();
  const folder = await Deno.makeTempDir();
  for (const text of ["", "nonsense", key]) {
    await Deno.writeTextFile(`${folder}/ca.pem`, text);
    const { code, stderr } = await cli(["top", "https://127.0.0.1:1", "--ca", `${folder}/ca.pem`]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: --ca: \S+: expected a certificate in PEM format, found none\n$/);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "over TLS with a private CA top follows the fleet and shows a server's page",
  ignore: !hasTmux(),
}, async () => {
  const authority = await createAuthority();
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    ...tlsOf(await authority.issue(), authority.ca),
  });
  await using top = await startCommand(`top ${router.url} --ca ${router.folder}/ca.pem`);
  await top.sees(router.url, "1 of 1 healthy", /^ Requests\/s +▁+/m);
  await top.terminal.press("Enter");
  await top.sees(server.url, "Learned pace", /^ Checks +\d+, 100% passed lately/m);
  await top.terminal.press("q");
  await top.missesAll("Learned pace");
  await top.terminal.press("q");
  await top.endsRestored(0);
});

Deno.test("an unreadable --ca file is reported in one line", async () => {
  const { code, stderr } = await cli(["top", "https://127.0.0.1:1", "--ca", "/nowhere.pem"]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: --ca: \/nowhere\.pem can't be read: [^\n]*\n$/);
});
