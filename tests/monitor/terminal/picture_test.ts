import { startSimulator } from "../../../src/simulator/simulator.ts";
import { svgOf } from "../../support/ansi_svg.ts";
import { ask } from "../../support/fleet.ts";
import { until } from "../../support/until.ts";
import { deadUrl } from "../../support/upstream.ts";
import { startCommand } from "./session.ts";
import { hasTmux } from "./tmux.ts";

const PICTURE = new URL("../../../docs/images/terminal.svg", import.meta.url);
const MODEL = "Qwen3-32B";
const SERVERS = [
  { name: "gpu-a100-1", capacity: 16, streams: 5 },
  { name: "gpu-a100-2", capacity: 16, streams: 12 },
  { name: "gpu-h100-1", capacity: 32, streams: 31 },
  { name: "gpu-h100-2", capacity: 32, streams: 18 },
  { name: "gpu-l40s-1", capacity: 8, streams: 2 },
];
const NAMES = [...SERVERS.map(({ name }) => name), "gpu-l40s-2"];

async function makePicture(): Promise<void> {
  const simulators = await Promise.all(
    SERVERS.map(({ capacity }, seed) =>
      startSimulator({ models: [MODEL], maxNumSeqs: capacity, seed, speed: 1.5 })
    ),
  );
  const dying = await startSimulator({ models: [MODEL] });
  const folder = await Deno.makeTempDir();
  const entries = [
    ...SERVERS.map(({ name, capacity }, i) => ({ name, capacity, url: simulators[i]!.url })),
    { name: NAMES.at(-1)!, capacity: 8, url: dying.url },
  ].map(({ name, capacity, url }) =>
    `[[servers.servers]]\nname = "${name}"\nurl = "${url}"\nmax_concurrent_requests = ${capacity}\n`
  );
  const settings = "[config]\nhealth_check_interval = 1\n";
  await Deno.writeTextFile(`${folder}/servers.toml`, entries.join("") + settings);

  const leaving = new AbortController();
  const { signal } = leaving;
  const url = deadUrl();
  const flags = `--host 127.0.0.1 --port ${new URL(url).port} --config ${folder}/servers.toml`;
  const asked: Promise<unknown>[] = [];
  const stream = async (to: string, tokens: number, length = 30) => {
    const content = `Tell me of the ${asked.length % 7} seas. ${"And then? ".repeat(length)}`;
    const answer = await ask(to, { model: MODEL, stream: true, tokens, content, signal });
    await answer.text();
  };
  const options = { columns: 160, rows: 22 };
  {
    await using run = await startCommand(`run --model ${flags}`, options);
    await run.sees("6 of 6 healthy");
    // Gives every server a time to first token.
    for (let n = 0; n < 40; n++) asked.push(stream(url, 40).catch(() => {}));
    await Promise.all(asked);
    // Sparklines of two minutes of traffic that comes and goes.
    let beats = 0;
    const wave = setInterval(() => {
      if (Math.sin(beats++ / 40) > Math.random() * 2 - 1) {
        asked.push(stream(url, 30).catch(() => {}));
      }
    }, 120);
    await until("two minutes of traffic", () => beats > 1_000, 180_000);
    clearInterval(wave);
    // Load from other routers and clients fills the servers unevenly.
    SERVERS.forEach(({ streams }, i) => {
      for (let n = 0; n < streams; n++) {
        asked.push(stream(simulators[i]!.url, 1_500).catch(() => {}));
      }
    });
    const busy = asked.length;
    const pulse = setInterval(() => asked.push(stream(url, 30).catch(() => {})), 120);
    await until("some answers", () => asked.length > busy + 15, 10_000);
    await dying.close();
    await run.sees("5 of 6 healthy", /failover/, /\d+ ms +\d/);
    await until("more answers", () => asked.length > busy + 50, 10_000);
    // Long prompts that take the servers a moment.
    for (let n = 0; n < 25; n++) asked.push(stream(url, 30, 2_000 + n).catch(() => {}));
    await run.sees(/ [1-9][\d.,]+K? tokens to prefill/, /^ Requests\/s /m);
    const pane = await run.terminal.capture({ colours: true });
    clearInterval(pulse);
    leaving.abort();
    await Promise.all(asked);
    const shown = [...simulators, dying].reduce(
      (text, simulator, i) => text.replaceAll(simulator.url, `http://${NAMES[i]}:8000`),
      pane.replaceAll(url, "http://router-1:8888"),
    );
    await Deno.mkdir(new URL(".", PICTURE), { recursive: true });
    await Deno.writeTextFile(
      PICTURE,
      svgOf(shown, { title: "vllm-router run --model", ...options }),
    );
  }
  for (const simulator of simulators) await simulator.close();
  await Deno.remove(folder, { recursive: true });
}

// Runs only in `deno task pictures`; it tests nothing that other tests do not.
if (Deno.env.get("UPDATE_PICTURES") === "1") {
  Deno.test({
    name: "the README's picture of the terminal",
    ignore: !hasTmux(),
    fn: makePicture,
  });
}
