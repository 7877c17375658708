import assert from "node:assert/strict";
import { startGuarded, startRecorder } from "../security/guarded.ts";
import { openPage } from "./browser.ts";
import { browserTest, untilShown } from "./page.ts";

const KEY = "the-key-of-a-person";

browserTest(
  "a browser prompts for the key as a password and then shows the whole page",
  async () => {
    await using server = startRecorder();
    const tables = `[auth]\napi_keys = ["${KEY}"]\n[cors]\nallow_origins = ["https://app.example"]`;
    await using router = await startGuarded({ server: server.url, tables });
    // Sent only when the browser would prompt the user.
    const httpCredentials = { username: "anybody", password: KEY };
    await using open = await openPage(router.url, { httpCredentials });
    await untilShown(open.page, 1);
    assert.deepEqual(open.complaints, []);
  },
);
