// The picture: stamps of pixels for the points, since a canvas call for each of them would take several times as long.

const stage = document.getElementById("stage");
const pointsCanvas = document.getElementById("points");
const marksCanvas = document.getElementById("marks");
const SHAPES = {
  circle: (u, v) => u * u + v * v <= 1,
  square: (u, v) => Math.max(Math.abs(u), Math.abs(v)) <= 0.88,
  diamond: (u, v) => Math.abs(u) + Math.abs(v) <= 1.2,
  triangle: (u, v) => v <= 0.8 && v >= -1 && Math.abs(u) <= (v + 1) * 0.62,
  cross: (u, v) => Math.min(Math.abs(u), Math.abs(v)) <= 0.42 && Math.max(Math.abs(u), Math.abs(v)) <= 1.1,
};
const SHAPE_NAMES = Object.keys(SHAPES);
const MARGIN = 40; // around the picture, so that no stamp need be cut at its edge
const view = { x: 0, y: 0, scale: 1, least: 1 };
const state = { color: told.color, theme: "light", kept: -1, hovered: -1, only: -2 };
let ratio = 1;
let image = null;
let pixels = null;
let frameTime = 0;

const toScreenX = (value) => (value - view.x) * view.scale + pointsCanvas.width / 2;
const toScreenY = (value) => (view.y - value) * view.scale + pointsCanvas.height / 2;
const toPoolX = (px) => (px - pointsCanvas.width / 2) / view.scale + view.x;
const toPoolY = (py) => view.y - (py - pointsCanvas.height / 2) / view.scale;

function resize() {
  ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(stage.clientWidth * ratio));
  const height = Math.max(1, Math.round(stage.clientHeight * ratio));
  for (const canvas of [pointsCanvas, marksCanvas]) {
    canvas.width = width;
    canvas.height = height;
  }
  image = new ImageData(width + 2 * MARGIN, height + 2 * MARGIN);
  pixels = new Uint32Array(image.data.buffer);
  const before = view.least;
  view.least = 0.47 * Math.min(width, height);
  view.scale *= view.least / before;
  repaint();
}

function radius() {
  const base = Math.min(4.5, Math.max(1.7, 330 / Math.sqrt(count + 1)));
  return Math.min(MARGIN / 3, base * ratio * Math.min(2.6, Math.sqrt(view.scale / view.least)));
}

function packed(hex) {
  const number = Number.parseInt(hex.slice(1), 16);
  return ((255 << 24) | ((number & 255) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}

function between(stops, share) {
  const at = share * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const mix = (k) => {
    const [from, to] = [stops[low], stops[low + 1]].map((hex) => Number.parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16));
    return Math.round(from + (to - from) * (at - low)).toString(16).padStart(2, "0");
  };
  return `#${mix(0)}${mix(1)}${mix(2)}`;
}

const lookOfClass = (code) => {
  const { classes, none } = told.colors[state.theme];
  return code < 0 ? { color: none, shape: "circle" } : { color: classes[code % classes.length], shape: SHAPE_NAMES[code % SHAPE_NAMES.length] };
};
const lookOfLevel = (level) => {
  const { ramp, none } = told.colors[state.theme];
  return { color: level === NONE ? none : between(ramp, level / (NONE - 1)), shape: "circle" };
};

function stamp(shape, size, width) {
  const reachOfStamp = Math.ceil(size * 1.25);
  const offsets = [];
  const shares = [];
  for (let dy = -reachOfStamp; dy <= reachOfStamp; dy += 1) {
    for (let dx = -reachOfStamp; dx <= reachOfStamp; dx += 1) {
      let covered = 0;
      for (let k = 0; k < 16; k += 1) covered += SHAPES[shape]((dx + ((k & 3) - 1.5) / 4) / size, (dy + ((k >> 2) - 1.5) / 4) / size);
      if (covered) {
        offsets.push(dy * width + dx);
        shares.push(covered * 16);
      }
    }
  }
  return { offsets: Int32Array.from(offsets), shares: Int32Array.from(shares) };
}

function press({ offsets, shares }, at, color) {
  const red = color & 255;
  const green = (color >> 8) & 255;
  const blue = (color >> 16) & 255;
  for (let k = 0; k < offsets.length; k += 1) {
    const share = shares[k];
    const place = at + offsets[k];
    if (share === 256) {
      pixels[place] = color;
    } else {
      const under = pixels[place];
      const rest = 256 - share;
      pixels[place] = (255 << 24)
        | (((blue * share + ((under >> 16) & 255) * rest) >> 8) << 16)
        | (((green * share + ((under >> 8) & 255) * rest) >> 8) << 8)
        | ((red * share + (under & 255) * rest) >> 8);
    }
  }
}

function looks() {
  const ofClass = state.color === "predicted";
  const codes = ofClass ? predicted : levels[state.color];
  const make = ofClass ? lookOfClass : lookOfLevel;
  const made = new Map();
  const size = radius();
  const once = (code) => {
    if (!made.has(code)) {
      const { color, shape } = make(code);
      made.set(code, { color: packed(color), small: stamp(shape, size, image.width), large: stamp(shape, size * 1.6, image.width), rim: stamp(shape, size * 1.6 + 1.6 * ratio, image.width) });
    }
    return made.get(code);
  };
  return { codes, once, faint: { ...once(ofClass ? -1 : NONE), color: packed(told.colors[state.theme].faint) } };
}

function drawPoints() {
  const start = performance.now();
  const { width, height } = image;
  const { codes, once, faint } = looks();
  const mark = packed(told.colors[state.theme].mark);
  pixels.fill(packed(told.colors[state.theme].ground));
  const left = MARGIN + pointsCanvas.width / 2 - view.x * view.scale;
  const top = MARGIN + pointsCanvas.height / 2 + view.y * view.scale;
  const edge = MARGIN / 2;
  const known = [];
  const isChosen = (row) => state.color !== "predicted" || state.only === -2 || predicted[row] === state.only;
  for (let pass = state.only === -2 ? 1 : 0; pass < 2; pass += 1) {
    for (let k = 0; k < count; k += 1) {
      const row = paintOrder[k];
      const px = (left + x[row] * view.scale) | 0;
      const py = (top - y[row] * view.scale) | 0;
      if (px < edge || py < edge || px >= width - edge || py >= height - edge || isChosen(row) !== (pass === 1)) continue;
      const look = pass ? once(codes[row]) : faint;
      if (pass && hops[row] === 0) known.push(py * width + px, row);
      else press(look.small, py * width + px, look.color);
    }
  }
  for (let k = 0; k < known.length; k += 2) {
    const look = once(codes[known[k + 1]]);
    press(look.rim, known[k], mark);
    press(look.large, known[k], look.color);
  }
  pointsCanvas.getContext("2d", { alpha: false }).putImageData(image, -MARGIN, -MARGIN);
  frameTime = performance.now() - start;
}

function ring(context, row, size, width) {
  context.beginPath();
  context.arc(toScreenX(x[row]), toScreenY(y[row]), size, 0, 2 * Math.PI);
  context.lineWidth = width + 2.5 * ratio;
  context.strokeStyle = told.colors[state.theme].ground;
  context.stroke();
  context.lineWidth = width;
  context.strokeStyle = told.colors[state.theme].mark;
  context.stroke();
}

function line(context, from, to) {
  context.beginPath();
  context.moveTo(toScreenX(x[from]), toScreenY(y[from]));
  context.lineTo(toScreenX(x[to]), toScreenY(y[to]));
  context.stroke();
}

function drawMarks() {
  const context = marksCanvas.getContext("2d");
  const { mark, ground } = told.colors[state.theme];
  const size = radius() + 4 * ratio;
  context.clearRect(0, 0, marksCanvas.width, marksCanvas.height);
  context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
  for (const { row, rank } of told.queried) {
    ring(context, row, size, 2 * ratio);
    if (told.queried.length > 40 && view.scale < 4 * view.least) continue;
    context.lineWidth = 3 * ratio;
    context.strokeStyle = ground;
    context.strokeText(rank, toScreenX(x[row]) + size, toScreenY(y[row]) - size / 2);
    context.fillStyle = mark;
    context.fillText(rank, toScreenX(x[row]) + size, toScreenY(y[row]) - size / 2);
  }
  const shown = state.hovered >= 0 ? state.hovered : state.kept;
  if (shown < 0) return;
  context.strokeStyle = mark;
  context.lineWidth = 1.5 * ratio;
  for (const other of neighborsOf(shown)) line(context, shown, other);
  if (nearestLabeled[shown] >= 0 && nearestLabeled[shown] !== shown) {
    context.setLineDash([5 * ratio, 4 * ratio]);
    line(context, shown, nearestLabeled[shown]);
    context.setLineDash([]);
  }
  ring(context, shown, size + 3 * ratio, 3 * ratio);
}

let waiting = 0;
let pointsAreOld = false;

function paint() {
  waiting = 0;
  if (pointsAreOld) drawPoints();
  pointsAreOld = false;
  drawMarks();
}

function repaint(points = true) {
  pointsAreOld ||= points;
  waiting ||= requestAnimationFrame(paint);
}
