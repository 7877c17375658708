import { openPage } from "./browser.ts";
import { browserTest, textOf } from "./page.ts";
import { type Fare, sceneOf } from "./scenes.ts";
import { startStage } from "./stage.ts";
import { until } from "../support/until.ts";

/** A folder for pictures of all situations, to be looked at. `deno task pictures` alone needs none. */
const folder = Deno.env.get("DASHBOARD_PICTURES");
const only = Deno.env.get("ONLY") ?? "";
if (folder) {
  for (const size of [3, 64]) {
    for (const fare of ["healthy", "one down", "all down"] as const satisfies readonly Fare[]) {
      browserTest(`pictures of ${size} servers, ${fare}`, async () => {
        const { view, ...scene } = sceneOf(size, fare);
        await using stage = startStage({ view, ...scene });
        for (const width of [390, 900, 1440]) {
          for (const colorScheme of ["light", "dark"] as const) {
            for (const opened of [false, true]) {
              const name = `${size}-${fare.replace(" ", "-")}-${width}-${colorScheme}${
                opened ? "-open" : ""
              }`;
              if (!name.includes(only) && !new RegExp(only).test(name)) continue;
              const hash = opened ? `#server=${view.servers[1]!.url}` : "";
              await using open = await openPage(stage.url, {
                colorScheme,
                viewport: { width, height: 900 },
              }, hash);
              await until(
                "it is drawn and live",
                async () =>
                  await textOf(open.page, "#span") !== "" &&
                  await textOf(open.page, "#connection") === "Live",
              );
              await open.page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
              if (open.complaints.length) console.log(name, open.complaints);
            }
          }
        }
      });
    }
  }
}
