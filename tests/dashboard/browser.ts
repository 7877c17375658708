import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Debian's Chromium, unless the environment variable `CHROMIUM` names another. */
const EXECUTABLE = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

/** Running as root requires the first flag; the others stop Chromium from contacting its vendor. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether Chromium is installed. */
export const hasChromium = isFile(EXECUTABLE);

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A page in a real browser, with its requests and errors. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** URLs of all requests so far. */
  readonly requests: readonly string[];
  /** Console errors and uncaught errors so far. */
  readonly complaints: readonly string[];
}

/** Opens a page in a new headless Chromium with an empty profile. */
export async function openPage(
  url: string,
  options: BrowserContextOptions = {},
  hash = "",
): Promise<OpenPage> {
  const browser: Browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    locale: "en-GB",
    colorScheme: "light",
    ...options,
  });
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(`${url}/dashboard${hash}`);
  return {
    page,
    requests,
    complaints,
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
