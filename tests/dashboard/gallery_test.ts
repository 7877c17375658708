import { until } from "../support/until.ts";
import { openPage } from "./browser.ts";
import { browserTest, textOf } from "./page.ts";
import { type Fare, sceneOf } from "./scenes.ts";
import { startStage } from "./stage.ts";

const SIZES = [3, 64];
const FARES = ["healthy", "one down", "all down"] as const satisfies readonly Fare[];
const WIDTHS = [390, 900, 1440];

// Runs only in `deno task pictures`: these are to be looked at, not kept.
if (Deno.env.get("UPDATE_PICTURES") === "1") {
  const folder = Deno.env.get("DASHBOARD_PICTURES") ?? Deno.makeTempDirSync();
  console.log(`Pictures of the dashboard in all situations: ${folder}`);
  for (const size of SIZES) {
    for (const fare of FARES) {
      browserTest(`pictures of ${size} servers, ${fare}`, () => takeAll(folder, size, fare));
    }
  }
}

/** Takes the pictures of a scene at all widths, in light and dark, also with a server opened. */
async function takeAll(folder: string, size: number, fare: Fare): Promise<void> {
  const scene = sceneOf(size, fare);
  await using stage = startStage(scene);
  for (const colorScheme of ["light", "dark"] as const) {
    for (const hash of ["", `#server=${scene.view.servers[1]!.url}`]) {
      await using open = await openPage(stage.url, { colorScheme }, hash);
      const { page } = open;
      await until("it is drawn and live", async () => {
        return await textOf(page, "#span") !== "" && await textOf(page, "#connection") === "Live";
      });
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        const name = [size, fare.replace(" ", "-"), width, colorScheme, ...(hash ? ["open"] : [])];
        await page.screenshot({ path: `${folder}/${name.join("-")}.png`, fullPage: true });
      }
    }
  }
}
