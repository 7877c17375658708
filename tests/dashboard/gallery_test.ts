import { until } from "../support/until.ts";
import { openPage } from "./browser.ts";
import { browserTest, textOf } from "./page.ts";
import { sceneOf, type Situation, SITUATIONS } from "./scenes.ts";
import { startStage } from "./stage.ts";

const SIZES = [3, 64];
const WIDTHS = [390, 900, 1440];

// Runs only in `deno task pictures`: these are to be looked at, not kept.
if (Deno.env.get("UPDATE_PICTURES") === "1") {
  const folder = Deno.env.get("DASHBOARD_PICTURES") ?? Deno.makeTempDirSync();
  console.log(`Pictures of the dashboard in all situations: ${folder}`);
  for (const size of SIZES) {
    for (const situation of SITUATIONS) {
      browserTest(
        `pictures of ${size} servers, ${situation}`,
        () => takeAll(folder, size, situation),
      );
    }
  }
}

/** Takes the pictures of a scene at all widths, in light and dark, also with a server opened. */
async function takeAll(folder: string, size: number, situation: Situation): Promise<void> {
  const scene = sceneOf(size, situation);
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
        const name = [
          size,
          situation.replace(" ", "-"),
          width,
          colorScheme,
          ...(hash ? ["open"] : []),
        ];
        await page.screenshot({ path: `${folder}/${name.join("-")}.png`, fullPage: true });
      }
    }
  }
}
