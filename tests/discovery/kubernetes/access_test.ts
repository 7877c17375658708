import assert from "node:assert/strict";
import { type AccessOptions, readAccess } from "../../../src/discovery/kubernetes/access.ts";
import { createAuthority } from "../../security/certificates.ts";
import { endpointAt, sliceOf, startKubernetesApi } from "../../support/kubernetes_api.ts";
import { until } from "../../support/until.ts";
import { watch } from "./source.ts";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const POD = {
  [`${ACCOUNT}/token`]: "pods-token\n",
  [`${ACCOUNT}/ca.crt`]: "pods-ca\n",
  [`${ACCOUNT}/namespace`]: "models",
};
const ENV = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "6443" };

/** What a request would use, or why there is none. */
async function accessOf(
  options: AccessOptions,
  env: Readonly<Record<string, string>> = ENV,
  files: Readonly<Record<string, string>> = POD,
) {
  const file = (path: string) =>
    files[path] === undefined
      ? Promise.reject(new Deno.errors.NotFound(path))
      : Promise.resolve(files[path]);
  try {
    return await readAccess(options, { env: (name) => env[name], file });
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("in a pod, everything is as the pod is told", async () => {
  const expected = { namespace: "models", token: "pods-token", ca: "pods-ca" };
  assert.deepEqual(await accessOf({}), { url: "https://10.96.0.1:6443", ...expected });
  const six = { KUBERNETES_SERVICE_HOST: "fd00::1" };
  assert.deepEqual(await accessOf({}, six), { url: "https://[fd00::1]:443", ...expected });
});

Deno.test("with api_server, nothing of the pod is used or sent there", async () => {
  const options = { apiServer: "https://kube.example:6443/", namespace: "llm" };
  const url = "https://kube.example:6443";
  assert.deepEqual(await accessOf(options), { url, namespace: "llm" });
  const files = { "/t": "token", "/c": "ca" };
  assert.deepEqual(await accessOf({ ...options, tokenFile: "/t", caFile: "/c" }, {}, files), {
    ...{ url, namespace: "llm" },
    ...{ token: "token", ca: "ca" },
  });
});

Deno.test("what is missing is named", async () => {
  assert.equal(
    await accessOf({}, {}),
    "KUBERNETES_SERVICE_HOST is not set: outside of a cluster, set api_server",
  );
  assert.equal(
    await accessOf({}, ENV, {}),
    `token_file ${ACCOUNT}/token: no such file; does the pod have automountServiceAccountToken: true?`,
  );
  const apiServer = "http://127.0.0.1:8001";
  assert.equal(
    await accessOf({ apiServer, namespace: "llm", tokenFile: "/t" }),
    "token_file /t: no such file",
  );
  assert.equal(await accessOf({ apiServer }), "expected a namespace: set namespace");
});

/** Runs `use` with a folder for token and CA. */
async function withFiles(use: (token: string, ca: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(`${folder}/token`, `${folder}/ca.crt`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an expired token is refused until its file has a new one", async () => {
  await withFiles(async (tokenFile) => {
    await using api = startKubernetesApi();
    api.put("endpointslices", sliceOf("vllm-a", [endpointAt("10.0.0.1")]));
    let valid = "first";
    api.fault = ({ headers }) =>
      headers.get("authorization") === `Bearer ${valid}`
        ? undefined
        : new Response(null, { status: 401 });
    await Deno.writeTextFile(tokenFile, "first\n");
    await using source = watch(api, { tokenFile });
    await source.untilServers("10.0.0.1");
    await until("it watches", () => api.watches() === 1);
    valid = "second";
    api.end();
    await source.untilFailure(/^401: the API server does not accept the token in .*\/token$/);
    assert.equal(source.servers()!.length, 1);
    await Deno.writeTextFile(tokenFile, "second\n");
    await until("it watches again", () => api.watches() === 1);
    await until("it can be read again", () => typeof source.reports.at(-1) !== "string");
    assert.ok(!JSON.stringify(source.reports).includes("first"));
  });
});

Deno.test("a changed authority is trusted as soon as its file has it", async () => {
  await withFiles(async (_, caFile) => {
    const [old, renewed] = [await createAuthority(), await createAuthority()];
    await Deno.writeTextFile(caFile, old.ca);
    await using api = startKubernetesApi(await old.issue());
    api.put("endpointslices", sliceOf("vllm-a", [endpointAt("10.0.0.1")]));
    await using source = watch(api, { caFile });
    await source.untilServers("10.0.0.1");
    await until("it watches", () => api.watches() === 1);
    await api.stop();
    api.start(await renewed.issue());
    await source.untilFailure(/^the API server at https:.*: invalid peer certificate/);
    await Deno.writeTextFile(caFile, renewed.ca);
    await until("it watches again", () => api.watches() === 1);
    api.put("endpointslices", sliceOf("vllm-a", [endpointAt("10.0.0.2")]));
    await source.untilServers("10.0.0.2");
  });
});

Deno.test("a file that has no certificate is a failure that says so", async () => {
  await withFiles(async (_, caFile) => {
    await Deno.writeTextFile(caFile, "no certificate");
    await using api = startKubernetesApi();
    await using source = watch(api, { caFile });
    await source.untilFailure(/^ca_file: expected certificates in PEM$/);
  });
});
