"use strict";

// What the page was told, and the points it shows: their columns, looks, and the grid in which the nearest is found.

const told = JSON.parse(document.getElementById("told").textContent);
const ARRAYS = { Float32Array, Int32Array, Uint8Array };
const NONE = 255;

function column(name) {
  const { type, data } = told.columns[name];
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return new ARRAYS[type](bytes.buffer);
}

const x = column("x");
const y = column("y");
const predicted = column("predicted");
const runnerUp = column("runner_up");
const confidence = column("confidence");
const reach = column("reach");
const hops = column("hops");
const score = column("score");
const nearestLabeled = column("nearest_labeled");
const neighbors = column("neighbors");
const levels = { reach: column("reach_level"), score: column("score_level") };
const count = x.length;
const asked = new Map(told.queried.map((query) => [query.row, query]));

// Later points are painted over earlier ones: a stride visits all in an order that no class leads.
function coprimeStride(size) {
  const common = (a, b) => (b ? common(b, a % b) : a);
  let stride = Math.max(1, Math.floor(size * 0.618));
  while (common(stride, size) > 1) stride += 1;
  return stride;
}

const paintOrder = new Int32Array(count);
for (let k = 0, row = 0, stride = coprimeStride(count); k < count; k += 1, row = (row + stride) % count) paintOrder[k] = row;

const cells = Math.min(512, Math.max(1, Math.ceil(Math.sqrt(count / 4))));
const cellOf = (value) => Math.min(cells - 1, Math.max(0, Math.floor(((value + 1) / 2) * cells)));
const cellStart = new Int32Array(cells * cells + 1);
const inCell = new Int32Array(count);

(function fillCells() {
  const cell = (row) => cellOf(y[row]) * cells + cellOf(x[row]);
  for (let row = 0; row < count; row += 1) cellStart[cell(row) + 1] += 1;
  for (let c = 0; c < cells * cells; c += 1) cellStart[c + 1] += cellStart[c];
  const next = cellStart.slice();
  for (let row = 0; row < count; row += 1) inCell[next[cell(row)]++] = row;
})();

function nearest(atX, atY, within) {
  let best = -1;
  let least = within * within;
  for (let cy = cellOf(atY - within); cy <= cellOf(atY + within); cy += 1) {
    for (let cx = cellOf(atX - within); cx <= cellOf(atX + within); cx += 1) {
      for (let k = cellStart[cy * cells + cx]; k < cellStart[cy * cells + cx + 1]; k += 1) {
        const row = inCell[k];
        const distance = (x[row] - atX) ** 2 + (y[row] - atY) ** 2;
        if (distance < least || (distance === least && asked.has(row))) {
          least = distance;
          best = row;
        }
      }
    }
  }
  return best;
}

const className = (code) => (code < 0 ? "none" : told.classes[code]);
const short = (number) => {
  if (!Number.isFinite(number)) return "none";
  return number !== 0 && Math.abs(number) < 1e-3 ? number.toExponential(1) : String(Number(number.toPrecision(3)));
};
const neighborsOf = (row) => Array.from(neighbors.subarray(row * told.num_neighbors, (row + 1) * told.num_neighbors)).filter((other) => other >= 0);

function whyAsked(row) {
  if (asked.has(row)) return `asked ${asked.get(row).rank}: ${asked.get(row).reason}`;
  return hops[row] === 0 ? "labelled" : "not asked";
}
