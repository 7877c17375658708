/** A Prometheus that scrapes a router each second. */
export interface PrometheusServer extends AsyncDisposable {
  /** Evaluates a query. Throws Prometheus' message if it can't be evaluated. */
  query(expr: string): Promise<readonly unknown[]>;
  /** Returns the labels of the exemplars of a metric. */
  exemplars(metric: string): Promise<readonly Readonly<Record<string, string>>[]>;
}

/** Starts Prometheus in an empty folder, which it fills. */
export async function startPrometheus(
  folder: string,
  target: { readonly host: string; readonly key: string },
): Promise<PrometheusServer> {
  await Deno.writeTextFile(
    `${folder}/prometheus.yml`,
    `scrape_configs:
  - job_name: vllm-router
    scrape_interval: 1s
    authorization: { credentials: "${target.key}" }
    static_configs: [{ targets: ["${target.host}"] }]
`,
  );
  const child = new Deno.Command("prometheus", {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      "--web.listen-address=127.0.0.1:0",
      "--enable-feature=exemplar-storage",
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const listening = Promise.withResolvers<string>();
  const reading = (async () => {
    let output = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      output += text;
      const address = /msg="Listening on" address=(\S+)/.exec(output)?.[1];
      if (address) listening.resolve(`http://${address}`);
    }
    listening.reject(new Error(`Prometheus ended: ${output}`));
  })();
  const stop = async () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has already ended.
    }
    await reading;
    await child.status;
  };
  const url = await listening.promise.catch(async (error) => {
    await stop();
    throw error;
  });
  return {
    async query(expr) {
      const body = new URLSearchParams({ query: expr });
      const response = await fetch(`${url}/api/v1/query`, { method: "POST", body });
      const { status, data, error } = await response.json();
      if (status !== "success") throw new Error(`${error}: ${expr}`);
      return data.result;
    },
    async exemplars(metric) {
      const body = new URLSearchParams({ query: metric, start: "0", end: "9999999999" });
      const response = await fetch(`${url}/api/v1/query_exemplars`, { method: "POST", body });
      const { data } = await response.json();
      return data.flatMap(({ exemplars }: { exemplars: { labels: Record<string, string> }[] }) =>
        exemplars.map(({ labels }) => labels)
      );
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Whether the program is installed; otherwise prints how to install it. */
export function hasPrometheus(): boolean {
  try {
    new Deno.Command("prometheus", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync();
    return true;
  } catch {
    console.log("prometheus is not installed, a test is ignored: apt-get install prometheus");
    return false;
  }
}
