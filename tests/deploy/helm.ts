const CHART = new URL("../../deploy/helm/vllm-router/", import.meta.url).pathname;

interface Result {
  readonly code: number;
  /** The error if `code` isn't 0. */
  readonly output: string;
}

/** Renders the chart as the release `vllm-router`. */
export function renderChart(values: unknown): Promise<Result> {
  return runHelm(["template", "vllm-router"], values);
}

/** Runs `helm lint`. Warnings count as errors. */
export function lintChart(values: unknown): Promise<Result> {
  return runHelm(["lint", "--strict"], values);
}

async function runHelm(args: readonly string[], values: unknown): Promise<Result> {
  const child = new Deno.Command("helm", {
    // Without a cluster, and if it was not built as a release, helm assumes an old version.
    args: [...args, CHART, "--kube-version", "1.34", "--values", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(values)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, output: new TextDecoder().decode(code === 0 ? stdout : stderr) };
}

/** Whether the program is installed; otherwise prints how to install it. */
export function hasHelm(): boolean {
  try {
    new Deno.Command("helm", { args: ["version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    console.log(
      "helm is not installed, tests with it are ignored: go install helm.sh/helm/v3/cmd/helm@latest",
    );
    return false;
  }
}
