import { Chalk, type ChalkInstance, type ColorSupportLevel, supportsColor } from "chalk";

/** Colours a text without changing its width. */
export type Paint = (text: string) => string;

/** The screen's colours, by meaning. */
export interface Palette {
  readonly title: Paint;
  readonly heading: Paint;
  readonly quiet: Paint;
  readonly good: Paint;
  readonly warning: Paint;
  readonly bad: Paint;
  /** The name of a server that gets no requests. */
  readonly gone: Paint;
  /** A line over all others. */
  readonly alarm: Paint;
  readonly plain: Paint;
}

/** From this share of its capacity, a server is shown in yellow. */
export const BUSY = 0.7;
/** From this share of its capacity, a server is shown in red. */
export const FULL = 0.9;

/** Returns the colours for a terminal's colour level; level 0 has none. */
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
    alarm: chalk.bgRed.white.bold,
    plain: (text) => text,
  };
}

/**
 * Returns the colour level of standard output.
 *
 * @param noColour the environment variable `NO_COLOR`; any non-empty value disables colours
 */
export function colourLevel(noColour: string | undefined): ColorSupportLevel {
  return noColour || !supportsColor ? 0 : supportsColor.level;
}

/** Returns yellow for a busy server, red for a full one. */
export function paintOfUsage(usage: number, palette: Palette): Paint {
  return usage >= FULL ? palette.bad : usage >= BUSY ? palette.warning : palette.good;
}
