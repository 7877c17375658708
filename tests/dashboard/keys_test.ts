import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { MODEL } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { openPage } from "./browser.ts";
import { browserTest, startRealFleet, untilShown } from "./page.ts";

browserTest("keys are shown with what they use, and the used share of their limits", async () => {
  await using simulator = await startSimulator({ speed: 50 });
  const keys = [
    { name: "team", key: "team-key-1", tokens_per_minute: 1_000 },
    { name: "<b>open</b>", key: "open-key-1" },
  ];
  await using router = await startRouter([{ url: simulator.url }], {}, {}, {
    auth: { api_keys: keys },
    admin: { listen: "127.0.0.1:0" },
  });
  const answer = await fetch(`${router.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer team-key-1", "content-type": "application/json" },
    body: JSON.stringify({
      model: MODEL,
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 800,
      ignore_eos: true,
    }),
  });
  const { usage } = await answer.json();
  await using open = await openPage(`http://127.0.0.1:${router.admin!.port}`);
  const { page } = open;
  await untilShown(page, 1);
  const rows = async () => {
    const texts = await page.locator("#keys tbody tr").allInnerTexts();
    return texts.map((text) => text.split(/\s+/));
  };
  const share = `${Math.round(usage.total_tokens / 10)}%`;
  const expected = [
    ["team", "1", "0.0", String(usage.total_tokens), share],
    ["<b>open</b>", "0", "0", "0", "–"],
  ];
  await until("the request is shown", async () => (await rows())[0]?.[1] === "1");
  assert.deepEqual(await rows(), expected);
  for (const width of [360, 800, 1400]) {
    await page.setViewportSize({ width, height: 900 });
    const sideways = await page.evaluate(
      `document.documentElement.scrollWidth > document.documentElement.clientWidth`,
    );
    assert.equal(sideways, false, `${width} px`);
  }
  assert.deepEqual(open.complaints, []);
});

browserTest("without keys there is no table of them", async () => {
  await using fleet = await startRealFleet([{}]);
  await using open = await openPage(fleet.router.url);
  await untilShown(open.page, 1);
  assert.equal(await open.page.locator("#keys-panel").isVisible(), false);
});
