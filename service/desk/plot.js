// Plots as inline SVG: lines or bars over weeks, bars from zero, intervals. No library, and no markup made of text.

import { element } from "./dom.js";
import { locale, text } from "./language.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 320;
const HEIGHT = 116;
const LEFT = 36; // room for the scale's numbers
const TOP = 8;
const BOTTOM = HEIGHT - 20;
const HALF = 100; // of a plot in a row
let plots = 0; // each needs ids of its own

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Plot values over weeks; a week without one is a gap.
 * @param title, description what a screen reader says in the plot's place
 * @param weeks days, ISO 8601
 * @param series `[{values, kind}]`, kind "bars", "line" or "dashes"
 * @param top the scale's end
 * @param format value → text
 */
export function overWeeks({ title, description, weeks, series, top, format }) {
  const step = (WIDTH - LEFT) / weeks.length;
  const x = (at) => LEFT + step * (at + 0.5);
  const y = (value) => BOTTOM - (BOTTOM - TOP) * Math.min(value / top, 1);
  const id = `plot-${++plots}`;
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-labelledby": `${id} ${id}-says`, class: "plot" },
    svg("title", { id }, title),
    svg("desc", { id: `${id}-says` }, description),
    ...[0, top / 2, top].flatMap((value) => scale(y(value), format(value))),
    svg("text", { x: LEFT, y: HEIGHT - 4 }, day(weeks[0])),
    svg("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, day(weeks.at(-1))),
    ...series.flatMap(({ values, kind }) => (kind === "bars" ? bars(values, x, y, step) : line(values, kind, x, y))));
}

function scale(y, text) {
  return [
    svg("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: "grid" }),
    svg("text", { x: LEFT - 5, y: y + 3.5, "text-anchor": "end" }, text),
  ];
}

function bars(values, x, y, step) {
  const width = step * 0.72;
  return values.map((value, at) => {
    const top = y(value ?? 0);
    return svg("rect", { x: x(at) - width / 2, width, y: top, height: BOTTOM - top, class: "bars" });
  });
}

function line(values, kind, x, y) {
  let path = "";
  const dots = [];
  values.forEach((value, at) => {
    if (value === null) return;
    const [left, top] = [x(at), y(value)];
    path += `${at && values[at - 1] !== null ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`;
    // A frame, so that the dot of another line at the same place is seen in it.
    if (kind === "dashes") dots.push(svg("rect", { width: 8, height: 8, x: left - 4, y: top - 4, class: "frame" }));
    else dots.push(svg("circle", { r: 2.5, cx: left, cy: top, class: "dot" }));
  });
  return [svg("path", { d: path, class: kind }), ...dots];
}

/** Return a day as "5 Oct". */
export function day(iso) {
  const options = { day: "numeric", month: "short", timeZone: "UTC" };
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString(locale, options);
}

/** Return a row's bars to the left and the right of zero; the row's cells have the numbers. */
export function twoSides(left, right, most) {
  const length = (value) => (value / most) * 96;
  return inRow(
    svg("rect", { x: HALF - length(left), y: 2, width: length(left), height: 10, class: "left" }),
    svg("rect", { x: HALF, y: 2, width: length(right), height: 10, class: "right" }),
  );
}

/** Return a row's interval around a difference, on a scale from −most to +most. */
export function interval(low, value, high, most) {
  const x = (one) => HALF + (one / most) * 94;
  const side = low > 0 ? "right" : high < 0 ? "left" : "neither";
  return inRow(
    svg("line", { x1: x(low), x2: x(high), y1: 7, y2: 7, class: `whisker ${side}` }),
    svg("circle", { cx: x(value), cy: 7, r: 4, class: side }),
  );
}

function inRow(...shapes) {
  const zero = svg("line", { x1: HALF, x2: HALF, y1: 0, y2: 14, class: "zero" });
  return svg("svg", { viewBox: `0 0 ${2 * HALF} 14`, class: "in-row", "aria-hidden": "true" }, zero, ...shapes);
}

/** Return a plot with its caption, a key where it has several lines, and its numbers as a table to open. */
export function figure(title, description, plot, series, numbers) {
  const samples = series.flatMap(({ name, kind }) => [element("span", `sample ${kind}`), `${name} `]);
  const summary = element("summary", "", text("plot.numbers"), element("span", "unseen", ` ${text("plot.of", { title })}`));
  return element("figure", "",
    element("figcaption", "", title, element("small", "", description)),
    series.length > 1 ? element("p", "key", ...samples) : null,
    plot,
    element("details", "", summary, numbers));
}
