import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import { openTerminal, PROMPT, type TerminalOptions, type TestTerminal } from "./tmux.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;
const PERMISSIONS = "--allow-net --allow-read --allow-env --no-prompt";

/** A command of this project running in a terminal. */
export interface Session extends AsyncDisposable {
  readonly terminal: TestTerminal;
  /** Waits until all of the texts are visible. */
  sees(...texts: (string | RegExp)[]): Promise<void>;
  /** Waits until none of the texts is visible. */
  missesAll(...texts: string[]): Promise<void>;
  kill(signal: Deno.Signal): void;
  /** Waits for the exit code and checks that the terminal is restored. */
  endsRestored(code: number): Promise<void>;
}

/** Starts the router's command in a terminal and waits until its screen is open. */
export function startCommand(args: string, options?: TerminalOptions): Promise<Session> {
  return startProgram(`${MAIN} ${args}`, options);
}

/** Starts a module with arguments in a terminal. */
export async function startProgram(program: string, options?: TerminalOptions): Promise<Session> {
  const folder = await Deno.makeTempDir();
  const terminal = await openTerminal(options);
  const pidFile = `${folder}/pid`;
  await terminal.type("stty -a > " + `${folder}/before`);
  await terminal.type(
    `(echo $BASHPID > ${pidFile}; exec ${Deno.execPath()} run --quiet ${PERMISSIONS} ${program}); ` +
      `echo "ended with $?"; stty -a > ${folder}/after; echo marker`,
  );
  const pidOf = () => Number(Deno.readTextFileSync(pidFile));
  await until("started", async () => (await sizeOf(pidFile)) > 1);

  let last = "";
  const look = async () => last = await terminal.capture();
  const has = (text: string | RegExp) =>
    typeof text === "string" ? last.includes(text) : text.test(last);
  async function waitFor(what: string, holds: () => boolean): Promise<void> {
    try {
      await until(what, async () => (await look(), holds()));
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${last}`);
    }
  }

  return {
    terminal,
    sees: (...texts) => waitFor(`sees ${texts.join(", ")}`, () => texts.every(has)),
    missesAll: (...texts) => waitFor(`misses ${texts.join(", ")}`, () => !texts.some(has)),
    kill: (signal) => Deno.kill(pidOf(), signal),
    async endsRestored(code) {
      await waitFor(
        `ended with ${code}`,
        () =>
          has(`ended with ${code}`) && has(/^marker$/m) &&
          has(RegExp(`^${RegExp.escape(PROMPT)} *$`, "m")),
      );
      assert.deepEqual(await terminal.state(), { alternate: false, cursor: true, wraps: true });
      assert.equal(
        await Deno.readTextFile(`${folder}/after`),
        await Deno.readTextFile(`${folder}/before`),
      );
    },
    async [Symbol.asyncDispose]() {
      try {
        Deno.kill(pidOf(), "SIGKILL");
      } catch {
        // The process has already ended.
      }
      await terminal.close();
      // The exiting shell may still be writing to the folder.
      await until(
        "removed",
        () =>
          Deno.remove(folder, { recursive: true }).then(() => true, (error) => {
            if (/not empty/.test(String(error))) return false;
            throw error;
          }),
      );
    },
  };
}

async function sizeOf(path: string): Promise<number> {
  return await Deno.stat(path).then(({ size }) => size, () => 0);
}
