import { Chalk, type ChalkInstance, type ColorSupportLevel, supportsColor } from "chalk";

/** How things are coloured; each function leaves the text's width as it is. */
export type Paint = (text: string) => string;

/** What the colours of the screen mean. */
export interface Palette {
  readonly title: Paint;
  readonly heading: Paint;
  readonly quiet: Paint;
  readonly good: Paint;
  readonly warning: Paint;
  readonly bad: Paint;
  /** The name of a server that gets no requests. */
  readonly gone: Paint;
  readonly plain: Paint;
}

/** From this share of its capacity on a server is shown yellow. */
export const BUSY = 0.7;
/** From this share of its capacity on a server is shown red. */
export const FULL = 0.9;

/** The colours a terminal of that level can show; none at all at level 0. */
export function paletteOf(level: ColorSupportLevel): Palette {
  const chalk: ChalkInstance = new Chalk({ level });
  return {
    title: chalk.bold.cyan,
    heading: chalk.bold,
    quiet: chalk.dim,
    good: chalk.green,
    warning: chalk.yellow,
    bad: chalk.red,
    gone: chalk.red.strikethrough,
    plain: (text) => text,
  };
}

/**
 * The colours standard output can show.
 *
 * @param noColour the environment variable `NO_COLOR`: with any value but none, no colours
 */
export function colourLevel(noColour: string | undefined): ColorSupportLevel {
  return noColour || !supportsColor ? 0 : supportsColor.level;
}

/** Yellow for a busy server, red for a full one. */
export function paintOfUsage(usage: number, palette: Palette): Paint {
  return usage >= FULL ? palette.bad : usage >= BUSY ? palette.warning : palette.good;
}
