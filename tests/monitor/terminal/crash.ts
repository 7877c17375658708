/** Shows a fleet and fails when `x` is pressed, in the way named by its argument. */
import { openScreen } from "../../../src/monitor/terminal/screen.ts";
import { ownTerminal } from "../../../src/monitor/terminal/terminal.ts";

const failures: Record<string, () => void> = {
  throw: () =>
    queueMicrotask(() => {
      throw new Error("thrown on purpose");
    }),
  reject: () => void Promise.reject(new Error("rejected on purpose")),
  exit: () => Deno.exit(3),
};

const screen = openScreen(ownTerminal(), (key) => {
  screen.show([`pressed ${key}`]);
  if (key === "x") failures[Deno.args[0]!]!();
});
screen.show(["the screen is up"]);
await screen.closed;
