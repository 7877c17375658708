import { startSimulator } from "../../src/simulator/simulator.ts";
import { ask } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { hasChromium, openPage } from "./browser.ts";
import { textOf, untilShown } from "./page.ts";

const IMAGES = new URL("../../docs/images/", import.meta.url);
const FLEET = [
  { name: "a100-1", model: "qwen3-32b", capacity: 8 },
  { name: "a100-2", model: "qwen3-32b", capacity: 8 },
  { name: "h100-1", model: "qwen3-32b", capacity: 16 },
  { name: "h100-2", model: "llama-3.1-8b", capacity: 16 },
  { name: "l40s-1", model: "llama-3.1-8b", capacity: 6 },
];
/** Long enough for the lines to take shape. */
const LIVELY_MS = 75_000;

/** Number of concurrent requests: two sine waves on a rising trend. */
function wanted(ms: number): number {
  return 26 + 14 * Math.sin(ms / 5_000) + 7 * Math.sin(ms / 1_700) + ms / 6_000;
}

// Runs only in `deno task pictures`; it tests nothing that other tests do not.
const wantsPictures = Deno.env.get("UPDATE_PICTURES") === "1";
if (wantsPictures) {
  Deno.test({
    name: "the pictures of the README",
    ignore: !hasChromium,
    // As in browserTest.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const simulators = await Promise.all(FLEET.map(({ model, capacity }, at) =>
        startSimulator({
          models: [model],
          maxNumSeqs: capacity,
          kvBlocks: capacity * 60,
          seed: at + 1,
        })
      ));
      await using router = await startRouter(
        FLEET.map(({ name, capacity }, at) => ({
          name,
          url: simulators[at]!.url,
          max_concurrent_requests: capacity,
        })),
        { metrics_interval: 0.5, health_check_interval: 10 },
      );
      const started = performance.now();
      const age = () => performance.now() - started;
      const leaving = new AbortController();
      const { signal } = leaving;
      const asked = new Set<Promise<void>>();
      let number = 0;
      const asking = setInterval(() => {
        if (asked.size >= wanted(age())) return;
        const one = askOne(router.url, number++, signal).finally(() => asked.delete(one));
        asked.add(one);
      }, 40);

      await until("it has lived a while", () => age() > LIVELY_MS * 0.75, LIVELY_MS);
      await simulators[1]!.setFault({ kind: "refuse" });
      await until("it has lived on", () => age() > LIVELY_MS, LIVELY_MS);
      await using open = await openPage(router.url, { viewport: { width: 1440, height: 900 } });
      const { page } = open;
      await untilShown(page, FLEET.length);
      await until("it is drawn and live", async () => {
        return await textOf(page, "#span") !== "" && await textOf(page, "#connection") === "Live";
      });
      await Deno.mkdir(IMAGES, { recursive: true });
      await page.screenshot({ path: new URL("dashboard.png", IMAGES).pathname, fullPage: true });
      await page.emulateMedia({ colorScheme: "dark" });
      await page.screenshot({
        path: new URL("dashboard-dark.png", IMAGES).pathname,
        fullPage: true,
      });

      clearInterval(asking);
      leaving.abort();
      await Promise.all(asked);
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  });
}

/** Sends one of a few kinds of requests and ignores its outcome. */
async function askOne(url: string, number: number, signal: AbortSignal): Promise<void> {
  try {
    const answer = await ask(url, {
      model: number % 5 < 3 ? "qwen3-32b" : "llama-3.1-8b",
      tokens: 60 + number * 37 % 140,
      stream: true,
      content: `Case ${number % 7}. ${"Explain this with care. ".repeat(20 + number % 7 * 12)}`,
      signal,
    });
    await answer.body?.pipeTo(new WritableStream(), { signal });
  } catch {
    // Aborted at the end.
  }
}
