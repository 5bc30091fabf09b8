// What a person does: legend, list of queries, details of a point, mouse, fingers and keys. Names from outside become
// text, never markup.

const byId = (id) => document.getElementById(id);

function element(tag, text, more = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  return Object.assign(made, more);
}

function zoom(factor, px = pointsCanvas.width / 2, py = pointsCanvas.height / 2) {
  const [beforeX, beforeY] = [toPoolX(px), toPoolY(py)];
  view.scale = Math.min(view.least * 1e5, Math.max(view.least * 0.5, view.scale * factor));
  view.x += beforeX - toPoolX(px);
  view.y += beforeY - toPoolY(py);
  repaint();
}

function move(dx, dy) {
  view.x -= dx / view.scale;
  view.y += dy / view.scale;
  repaint();
}

function showWhole() {
  Object.assign(view, { x: 0, y: 0, scale: view.least });
  repaint();
}

function keep(row, center = false) {
  state.kept = row;
  state.hovered = -1;
  if (center && row >= 0) {
    Object.assign(view, { x: x[row], y: y[row], scale: Math.max(view.scale, view.least * 4) });
  }
  for (const button of byId("queries").querySelectorAll("button")) {
    button.ariaCurrent = String(Number(button.dataset.row) === row);
  }
  describe(row);
  repaint(center);
}

function facts(row) {
  const known = hops[row] === 0;
  const about = [["id", told.ids[row]], ["reason", whyAsked(row)]];
  if (known) about.push(["label", className(predicted[row])]);
  else if (predicted[row] >= 0) about.push(["predicted", `${className(predicted[row])} (${short(confidence[row])})`], ["runner-up", className(runnerUp[row])]);
  else about.push(["predicted", "no label reaches it"]);
  about.push(["reach", short(reach[row])]);
  if (!known) about.push(["score", short(score[row])]);
  if (hops[row] > 0) about.push(["hops", String(hops[row])]);
  if (!known && nearestLabeled[row] >= 0) about.push(["nearest label", told.ids[nearestLabeled[row]]]);
  return about;
}

function describe(row) {
  const box = byId("point");
  box.replaceChildren();
  if (row < 0) {
    box.append(element("p", "Point at one, or choose one that is asked."));
    return;
  }
  const list = element("dl");
  for (const [name, value] of facts(row)) list.append(element("dt", name), element("dd", value));
  box.append(list, element("h2", "Neighbours, nearest first"));
  for (const other of neighborsOf(row)) {
    const text = `${told.ids[other]}: ${hops[other] === 0 ? "labelled" : "predicted"} ${className(predicted[other])}`;
    box.append(element("button", text, { className: "neighbor", type: "button", onclick: () => keep(other, true) }));
  }
}

function hover(row, px, py) {
  const tip = byId("tip");
  tip.hidden = row < 0;
  if (row >= 0) {
    const near = neighborsOf(row).map((other) => told.ids[other]).join(", ");
    tip.textContent = [...facts(row), ["neighbours", near]].map(([name, value]) => `${name}: ${value}`).join("\n");
    tip.style.left = `${Math.max(0, Math.min(px / ratio + 14, stage.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(0, Math.min(py / ratio + 14, stage.clientHeight - tip.offsetHeight - 4))}px`;
  }
  if (row === state.hovered) return;
  state.hovered = row;
  repaint(false);
}

function icon({ color, shape }) {
  const paths = {
    circle: "M7 1a6 6 0 1 0 .01 0z", square: "M2 2h10v10H2z", diamond: "M7 0l7 7-7 7-7-7z", triangle: "M7 1l6 11H1z",
    cross: "M5 1h4v4h4v4H9v4H5V9H1V5h4z",
  };
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 14 14");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", paths[shape]);
  path.setAttribute("fill", color);
  svg.append(path);
  return svg;
}

function legendOfClasses(box) {
  const counts = new Map();
  for (const code of predicted) counts.set(code, (counts.get(code) || 0) + 1);
  const codes = told.classes.map((_, code) => code).filter((code) => counts.has(code));
  if (counts.has(-1)) codes.push(-1);
  for (const code of codes) {
    const name = code < 0 ? "no label reaches" : className(code);
    const button = element("button", undefined, { type: "button", ariaPressed: String(state.only === code), title: "Show these alone, or all again" });
    button.append(icon(lookOfClass(code)), `${name} (${counts.get(code)})`);
    button.onclick = () => {
      state.only = state.only === code ? -2 : code;
      const place = [...box.children].indexOf(button);
      legend();
      box.children[place].focus();
      repaint();
    };
    box.append(button);
  }
}

function legendOfLevels(box) {
  const bar = element("canvas", undefined, { className: "ramp", width: NONE, height: 1 });
  const context = bar.getContext("2d");
  for (let level = 0; level < NONE; level += 1) {
    context.fillStyle = lookOfLevel(level).color;
    context.fillRect(level, 0, 1, 1);
  }
  const ticks = element("div", undefined, { className: "ticks" });
  ticks.append(...told.ticks[state.color].map((value) => element("span", short(value))));
  const meaning = state.color === "score" ? "Lower is labelled first." : "0: no label reaches the point.";
  box.append(bar, ticks, element("p", `Coloured by rank among the different values. ${meaning}`));
  if (levels[state.color].includes(NONE)) {
    const none = element("p");
    none.append(icon(lookOfLevel(NONE)), "no score");
    box.append(none);
  }
}

function legend() {
  const box = byId("legend");
  box.replaceChildren();
  (state.color === "predicted" ? legendOfClasses : legendOfLevels)(box);
  box.append(element("p", "Ringed: asked, by rank. Large and rimmed: labelled."));
}

function setTheme(theme) {
  state.theme = theme;
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
  legend();
  repaint();
}

function step(by) {
  const rows = told.queried.map((query) => query.row);
  if (!rows.length) return;
  const at = rows.indexOf(state.kept);
  keep(rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : (at + by + rows.length) % rows.length], true);
}

function listen() {
  const fingers = new Map();
  let moved = 0;
  const at = (event) => [event.offsetX * ratio, event.offsetY * ratio];
  const under = (px, py) => nearest(toPoolX(px), toPoolY(py), (12 * ratio) / view.scale);
  const spread = () => Math.hypot(...[0, 1].map((axis) => [...fingers.values()].map((finger) => finger[axis]).reduce((a, b) => a - b)));
  marksCanvas.addEventListener("pointerdown", (event) => {
    marksCanvas.setPointerCapture(event.pointerId);
    if (!fingers.size) moved = 0;
    fingers.set(event.pointerId, at(event));
  });
  marksCanvas.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      hover(under(px, py), px, py);
      return;
    }
    const apart = fingers.size === 2 ? spread() : 0;
    fingers.set(event.pointerId, [px, py]);
    moved += Math.hypot(px - before[0], py - before[1]);
    hover(-1);
    if (fingers.size === 2 && apart > 0) {
      const [a, b] = [...fingers.values()];
      zoom(spread() / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    }
    move((px - before[0]) / fingers.size, (py - before[1]) / fingers.size);
  });
  const release = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && moved < 4 * ratio) keep(under(...at(event)));
  };
  marksCanvas.addEventListener("pointerup", release);
  marksCanvas.addEventListener("pointercancel", release);
  marksCanvas.addEventListener("pointerleave", () => hover(-1));
  marksCanvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    zoom(Math.exp(-Math.max(-300, Math.min(300, event.deltaY * lines)) / 400), ...at(event));
  }, { passive: false });
  marksCanvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = 60 * ratio;
    const keys = {
      ArrowLeft: () => move(far, 0), ArrowRight: () => move(-far, 0), ArrowUp: () => move(0, far), ArrowDown: () => move(0, -far),
      "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: showWhole,
      n: () => step(1), p: () => step(-1), Escape: () => keep(-1),
    };
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  byId("closer").onclick = () => zoom(1.4);
  byId("farther").onclick = () => zoom(1 / 1.4);
  byId("whole").onclick = showWhole;
  byId("theme").onclick = () => setTheme(state.theme === "dark" ? "light" : "dark");
  byId("color").onchange = (event) => {
    state.color = event.target.value;
    state.only = -2;
    legend();
    repaint();
  };
  byId("find").onsubmit = (event) => {
    event.preventDefault();
    const row = told.ids.indexOf(byId("wanted").value.trim());
    byId("wanted").setCustomValidity(row < 0 ? "No point of this map has this id." : "");
    byId("wanted").reportValidity();
    if (row >= 0) keep(row, true);
  };
  byId("wanted").oninput = () => byId("wanted").setCustomValidity("");
  new ResizeObserver(resize).observe(stage);
}

function begin() {
  for (const [value, name] of [["predicted", "predicted label"], ["reach", "reach"], ["score", "score"]]) {
    byId("color").append(element("option", name, { value, selected: value === state.color }));
  }
  byId("about").textContent = told.about;
  for (const { row, rank, reason } of told.queried) {
    const item = element("li");
    const button = element("button", `${rank}. ${told.ids[row]} (${reason}${hops[row] === 0 ? ", labelled" : ""})`, { type: "button", onclick: () => keep(row, true) });
    button.dataset.row = row;
    item.append(button);
    byId("queries").append(item);
  }
  if (!told.queried.length) byId("queries").append(element("li", "Nothing yet."));
  listen();
  describe(-1);
  resize();
  showWhole();
  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  paint();
  document.documentElement.dataset.ready = "yes";
}

begin();
