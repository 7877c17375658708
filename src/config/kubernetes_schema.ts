import { z } from "zod";
import type { Diagnostic } from "./diagnostic.ts";
import type { KubernetesService } from "./discovery.ts";
import type { References } from "./references.ts";
import { expected, table, text, yesOrNo } from "./zod_types.ts";

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const ADDRESS = /^https?:\/\/[\w.:[\]-]+(\/[\w./-]*)?$/;
const isName = (value: unknown) => typeof value === "string" && NAME.test(value);

/** `kubernetes` of an entry of `discovery`. */
export const kubernetesShape = z.looseObject({
  service: expected<string>("the name of a Service such as vllm", isName),
  namespace: expected<string>("the name of a namespace such as llm", isName).optional(),
  port: expected<string | number>(
    'the name of a port such as "http", or a number from 1 to 65535',
    (value) =>
      isName(value) || Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535,
  ).optional(),
  annotations: yesOrNo.default(false),
  api_server: expected<string>(
    "the address of an API server such as https://kube.internal:6443",
    (value) => typeof value === "string" && ADDRESS.test(value) && URL.canParse(value),
  ).optional(),
  token_file: text.optional(),
  ca_file: text.optional(),
}, table('a table such as { namespace = "llm", service = "vllm" }'));

/** `kubernetes`, validated, in the file's units. */
export type RawKubernetes = z.output<typeof kubernetesShape>;

/** Converts a validated `kubernetes`. The files are read later, since they change. */
export function kubernetesIn(
  raw: RawKubernetes,
  at: string,
  { resolve }: Pick<References, "resolve">,
  problems: Diagnostic[],
): KubernetesService {
  const { service, namespace, port, annotations, api_server, token_file, ca_file } = raw;
  const where = `${at}.kubernetes`;
  if (api_server !== undefined && namespace === undefined) {
    problems.push({ where: `${where}.namespace`, what: "expected a namespace, got nothing" });
  }
  if (token_file !== undefined && api_server?.startsWith("http:")) {
    const what = "the token would be sent in clear; expected an api_server with https://";
    problems.push({ where: `${where}.token_file`, what });
  }
  return {
    kind: "kubernetes",
    service,
    ...(namespace !== undefined && { namespace }),
    ...(port !== undefined && { port }),
    annotations,
    ...(api_server !== undefined && { apiServer: api_server }),
    ...(token_file !== undefined && { tokenFile: resolve(token_file) }),
    ...(ca_file !== undefined && { caFile: resolve(ca_file) }),
  };
}
