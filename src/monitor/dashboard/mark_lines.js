// @ts-check
/// <reference lib="dom" />
/** @file Draws marks as dashed vertical lines on a chart. */

/** @import uPlot from "uplot" */
/** @import { Mark } from "./marks.js" */
import { marksNear } from "./marks.js";
import { colour } from "./theme.js";

const COLOURS = { good: "good", bad: "bad", plain: "quiet" };
/** Distance from the pointer at which a mark is meant, in CSS pixels. */
const NEAR_PX = 6;
/** Least distance of two lines: many servers may fail within a second. */
const APART_PX = 3;

/**
 * @param {uPlot} plot
 * @param {readonly Mark[]} marks newest first
 */
export function drawMarks(plot, marks) {
  const { ctx, bbox: { left, top, width, height } } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  let drawn = Infinity;
  for (const { at, tone } of marks) {
    const x = Math.round(plot.valToPos(at / 1000, "x", true)) + 0.5;
    if (x < left || x > left + width || drawn - x < APART_PX * devicePixelRatio) continue;
    drawn = x;
    ctx.strokeStyle = colour(COLOURS[tone]);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
  }
  ctx.restore();
}

/**
 * Returns the marks under the pointer, nearest first.
 *
 * @param {uPlot} plot
 * @param {readonly Mark[]} marks
 */
export function marksAtPointer(plot, marks) {
  const { left } = plot.cursor;
  if (left === undefined || left < 0) return [];
  const time = plot.posToVal(left, "x");
  const near = plot.posToVal(left + NEAR_PX, "x") - time;
  return marksNear(marks, time * 1000, near * 1000);
}
