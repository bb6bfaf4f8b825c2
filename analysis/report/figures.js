// The figures of report.html answer to the pointer and the keyboard: hover, zoom, a step from value to
// value. They are the SVG of package figure: g.panel holds rect.area (where the axes lie and what they
// span), g.series (tagged data-backend, data-runtime, data-name) and circle.tip (a title that tells a
// point's value). html.go joins this file and page.js into one script; page.js has all and make, and
// calls figures.

function draw(name, attributes, parent) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

const format = (v) => Number(v.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });

// Axis maps positions along one side of a plot area to values.
class Axis {
  constructor(text, start, length) {
    const [kind, min, max] = text.split(" ");
    Object.assign(this, { log: kind === "log", min: Number(min), max: Number(max), start, length });
  }
  at(position) {
    const t = (position - this.start) / this.length;
    return this.log ? this.min * (this.max / this.min) ** t : this.min + t * (this.max - this.min);
  }
  position(v) {
    const { min, max } = this;
    const t = this.log ? Math.log(v / min) / Math.log(max / min) : (v - min) / (max - min);
    return this.start + t * this.length;
  }
}

// ticks are round values from low to high: powers of ten on a logarithmic axis of two decades or more.
function ticks(low, high, log) {
  const found = [];
  if (log && high / low >= 100) {
    for (let e = Math.ceil(Math.log10(low)); e <= Math.log10(high); e++) found.push(10 ** e);
    return found;
  }
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  for (let i = Math.ceil(low / step); i * step <= high && found.length < 20; i++) found.push(i * step);
  return found;
}

let panels = 0;

// Panel is one pair of axes. A zoom is affine in the figure's coordinates, on logarithmic axes too.
class Panel {
  constructor(group) {
    this.group = group;
    this.area = group.querySelector("rect.area");
    const [x, y, w, h] = ["x", "y", "width", "height"].map((a) => Number(this.area.getAttribute(a)));
    this.box = { x, y, w, h };
    if (this.area.dataset.x) this.x = new Axis(this.area.dataset.x, x, w);
    if (this.area.dataset.y) this.y = new Axis(this.area.dataset.y, y + h, -h);
    this.scale = { ax: 1, bx: 0, ay: 1, by: 0 };
    this.series = all("g.series", group);
    this.spots = [...this.tips(), ...this.points()];
  }

  // tips are the points that bring a text; the text moves from title, which a browser shows late, to aria-label.
  tips() {
    return all("circle.tip, g.bar", this.group).flatMap((element) => {
      const title = element.querySelector("title");
      if (!title) return [];
      const text = title.textContent, bar = element.classList.contains("bar");
      title.remove();
      element.setAttribute("aria-label", text);
      const box = element.getBBox();
      const at = bar ? [box.x + box.width / 2, box.y + box.height / 2] :
        ["cx", "cy"].map((a) => Number(element.getAttribute(a)));
      return [{ x: at[0], y: at[1], text, bar: bar && element, series: element.closest("g.series"), tip: true }];
    });
  }

  // points are the corners of curves and the dots of a series.
  points() {
    const found = [];
    for (const series of this.series.filter((s) => !s.classList.contains("bar"))) {
      for (const dot of all("circle:not(.tip)", series)) {
        found.push({ x: Number(dot.getAttribute("cx")), y: Number(dot.getAttribute("cy")), series });
      }
      for (const path of all('path[fill="none"]', series)) {
        for (const m of path.getAttribute("d").matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)) {
          found.push({ x: Number(m[1]), y: Number(m[2]), series });
        }
      }
    }
    return found;
  }

  shown(spot) {
    const { ax, bx, ay, by } = this.scale;
    return { x: ax * spot.x + bx, y: ay * spot.y + by };
  }

  contains(p, edge = 0) {
    const { x, y, w, h } = this.box;
    return p.x >= x - edge && p.x <= x + w + edge && p.y >= y - edge && p.y <= y + h + edge;
  }

  // nearest is the visible spot within reach of a position; one with a text goes before others.
  nearest(p) {
    let best = null, least = 14;
    for (const spot of this.spots) {
      if (spot.bar || (spot.series && spot.series.classList.contains("filtered"))) continue;
      const at = this.shown(spot);
      if (!this.contains(at, 1)) continue;
      const distance = Math.hypot(at.x - p.x, at.y - p.y) - (spot.tip ? 4 : 0);
      if (distance < least) [best, least] = [spot, distance];
    }
    return best;
  }

  describe(spot) {
    if (spot.text) return spot.text;
    const lines = [], tag = spot.series ? spot.series.dataset : {};
    const name = [tag.backend, tag.runtime, tag.name].filter(Boolean).join(", ");
    if (name) lines.push(name);
    if (this.x) lines.push((this.area.dataset.xlabel || "x") + ": " + format(this.x.at(spot.x)));
    if (this.y) lines.push((this.area.dataset.ylabel || "y") + ": " + format(this.y.at(spot.y)));
    return lines.join("\n");
  }

  // zoom makes the rectangle between two shown positions fill the area, never showing more than the whole.
  zoom(a, b) {
    const one = (scale, offset, start, length, low, high) => {
      const s = Math.min(Math.max((scale * length) / (high - low), 1), 2000) / scale;
      const moved = s * (offset - (low + high) / 2) + start + length / 2;
      const grown = s * scale;
      return [grown, Math.min(Math.max(moved, (start + length) * (1 - grown)), start * (1 - grown))];
    };
    const { x, y, w, h } = this.box, s = this.scale;
    if (this.x) [s.ax, s.bx] = one(s.ax, s.bx, x, w, Math.min(a.x, b.x), Math.max(a.x, b.x));
    if (this.y) [s.ay, s.by] = one(s.ay, s.by, y, h, Math.min(a.y, b.y), Math.max(a.y, b.y));
    this.render();
  }

  // around zooms by a factor and moves by shares of what is shown.
  around(factor, dx = 0, dy = 0) {
    const { x, y, w, h } = this.box;
    const cx = x + w / 2 + dx * w, cy = y + h / 2 + dy * h;
    const dw = w / 2 / factor, dh = h / 2 / factor;
    this.zoom({ x: cx - dw, y: cy - dh }, { x: cx + dw, y: cy + dh });
  }

  reset() {
    this.scale = { ax: 1, bx: 0, ay: 1, by: 0 };
    this.render();
  }

  render() {
    this.clip();
    for (const series of this.series) for (const element of all("circle, path, text", series)) this.place(element);
    const { ax, ay } = this.scale, whole = ax === 1 && ay === 1;
    for (const old of this.axes()) old.classList.toggle("replaced", !whole);
    if (this.drawn) this.drawn.remove();
    this.drawn = null;
    if (!whole) this.drawAxes();
  }

  clip() {
    if (this.clipped) return;
    const id = "clip" + panels++, { x, y, w, h } = this.box;
    draw("rect", { x: x - 2, y: y - 2, width: w + 4, height: h + 4 }, draw("clipPath", { id }, this.group));
    for (const series of this.series) series.setAttribute("clip-path", "url(#" + id + ")");
    this.clipped = true;
  }

  // place moves one element: dots, texts and marks keep their size, curves and bars stretch.
  place(element) {
    const { ax, bx, ay, by } = this.scale;
    if (element.tagName === "path") {
      const box = element.getBBox(), mark = !element.closest(".bar") && box.width < 9 && box.height < 9 &&
        element.getAttribute("d").endsWith("Z");
      const cx = box.x + box.width / 2, cy = box.y + box.height / 2;
      element.setAttribute("transform", mark ? "translate(" + (ax * cx + bx - cx) + " " + (ay * cy + by - cy) + ")" :
        "matrix(" + [ax, 0, 0, ay, bx, by].join(" ") + ")");
      return;
    }
    const names = element.tagName === "circle" ? ["cx", "cy"] : ["x", "y"];
    element.first = element.first || names.map((n) => Number(element.getAttribute(n)));
    element.setAttribute(names[0], ax * element.first[0] + bx);
    element.setAttribute(names[1], ay * element.first[1] + by);
  }

  // axes are what drawAxes replaces: the grid, and tick marks and labels of axes that have values.
  axes() {
    const { x, y, h } = this.box, bottom = y + h;
    return all(":scope > g.grid, :scope > text, :scope > path", this.group).filter((element) => {
      if (element.tagName === "g") return true;
      const box = element.getBBox();
      if (element.tagName === "path") return box.width < 5 && box.height < 5;
      if (element.hasAttribute("transform")) return false;
      const below = this.x && box.y >= bottom && box.y + box.height < bottom + 17;
      return below || (this.y && box.x + box.width <= x && box.y < bottom);
    });
  }

  drawAxes() {
    const { x, y, w, h } = this.box, { ax, bx, ay, by } = this.scale;
    this.drawn = draw("g", { class: "axes" }, this.group);
    this.group.insertBefore(this.drawn, this.area);
    const label = (text, attributes) => {
      draw("text", { "font-size": 7.5, fill: "#222222", ...attributes }, this.drawn).textContent = text;
    };
    if (this.x) {
      for (const v of ticks(this.x.at((x - bx) / ax), this.x.at((x + w - bx) / ax), this.x.log)) {
        const at = ax * this.x.position(v) + bx;
        draw("path", { d: "M" + at + " " + y + "v" + h, stroke: "#E3E3E3", "stroke-width": 0.5 }, this.drawn);
        label(format(v), { x: at, y: y + h + 11, "text-anchor": "middle" });
      }
    }
    if (this.y) {
      for (const v of ticks(this.y.at((y + h - by) / ay), this.y.at((y - by) / ay), this.y.log)) {
        const at = ay * this.y.position(v) + by;
        draw("path", { d: "M" + x + " " + at + "h" + w, stroke: "#E3E3E3", "stroke-width": 0.5 }, this.drawn);
        label(format(v), { x: x - 5, y: at + 2.5, "text-anchor": "end" });
      }
    }
  }
}

const tooltip = make("div", { id: "tooltip", role: "status", hidden: true });

function tell(text, x, y) {
  tooltip.textContent = text;
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  tooltip.style.left = Math.max(4, Math.min(x + 14, innerWidth - width - 4)) + "px";
  tooltip.style.top = (y + 14 + height > innerHeight ? Math.max(4, y - height - 10) : y + 14) + "px";
}

// Chart is one figure: its panels, its tools, the pointer and the keyboard over it.
class Chart {
  constructor(figure) {
    this.svg = figure.querySelector("svg");
    this.frame = this.svg.parentElement;
    this.panels = all("g.panel", this.svg).filter((g) => g.querySelector("rect.area")).map((g) => new Panel(g));
    this.ring = draw("circle", { r: 4, class: "ring", visibility: "hidden" }, this.svg);
    this.band = draw("rect", { class: "band", visibility: "hidden" }, this.svg);
    this.current = -1;
    const on = (name, handler) => this.frame.addEventListener(name, handler.bind(this));
    on("pointermove", this.move);
    on("pointerdown", this.down);
    on("pointerup", this.up);
    on("pointerleave", this.leave);
    on("dblclick", this.reset);
    on("keydown", this.key);
    on("blur", this.leave);
  }

  position(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
  }

  show(panel, spot, at) {
    const p = panel.shown(spot), screen = new DOMPoint(p.x, p.y).matrixTransform(this.svg.getScreenCTM());
    for (const [name, v] of [["cx", p.x], ["cy", p.y], ["visibility", spot.bar ? "hidden" : "visible"]]) {
      this.ring.setAttribute(name, v);
    }
    tell(panel.describe(spot), at ? at.clientX : screen.x, at ? at.clientY : screen.y);
  }

  move(event) {
    const p = this.position(event);
    if (this.from) return this.drag(p);
    const bar = event.target.closest("g.bar");
    for (const panel of this.panels) {
      const spot = bar ? panel.spots.find((s) => s.bar === bar) : panel.contains(p, 8) && panel.nearest(p);
      if (spot) return this.show(panel, spot, event);
    }
    this.leave();
  }

  leave() {
    tooltip.hidden = true;
    this.ring.setAttribute("visibility", "hidden");
  }

  down(event) {
    if (event.pointerType !== "mouse" || event.button !== 0) return; // a finger scrolls the page
    const p = this.position(event);
    this.in = this.panels.find((panel) => panel.contains(p));
    if (!this.in) return;
    this.from = p;
    event.preventDefault(); // no text is selected
    this.frame.focus({ preventScroll: true });
    this.frame.setPointerCapture(event.pointerId);
  }

  drag(p) {
    const { x, y, w, h } = this.in.box;
    this.to = { x: Math.min(Math.max(p.x, x), x + w), y: Math.min(Math.max(p.y, y), y + h) };
    const [a, b] = [this.from, this.to];
    const band = {
      x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y),
      visibility: "visible",
    };
    for (const [name, v] of Object.entries(band)) this.band.setAttribute(name, v);
  }

  up() {
    const { from, to } = this;
    if (from && to && Math.abs(from.x - to.x) > 6 && Math.abs(from.y - to.y) > 6) this.in.zoom(from, to);
    this.from = this.to = null;
    this.band.setAttribute("visibility", "hidden");
  }

  reset() {
    for (const panel of this.panels) panel.reset();
  }

  zoom(factor, dx, dy) {
    for (const panel of this.panels) panel.around(factor, dx, dy);
  }

  // step goes to the next or the previous spot that has a text.
  step(by) {
    const spots = this.panels.flatMap((panel) => panel.spots.filter((s) => s.tip &&
      !(s.series && s.series.classList.contains("filtered"))).map((spot) => [panel, spot]));
    if (!spots.length) return;
    this.current = (this.current + by + spots.length) % spots.length;
    this.show(...spots[this.current]);
  }

  key(event) {
    const actions = {
      ArrowRight: () => (event.shiftKey ? this.zoom(1, 0.2, 0) : this.step(1)),
      ArrowLeft: () => (event.shiftKey ? this.zoom(1, -0.2, 0) : this.step(-1)),
      ArrowUp: event.shiftKey && (() => this.zoom(1, 0, -0.2)),
      ArrowDown: event.shiftKey && (() => this.zoom(1, 0, 0.2)),
      "+": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5), 0: () => this.reset(), Escape: () => this.leave(),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    actions[event.key]();
  }
}

// A figure gets its chart when it is first looked at: a page has hundreds.
function figures() {
  document.body.append(tooltip);
  for (const figure of all("figure")) {
    if (!figure.querySelector("svg")) continue;
    let chart = null;
    const open = () => (chart = chart || new Chart(figure));
    for (const name of ["pointerenter", "focusin"]) figure.addEventListener(name, open, { capture: true });
    const title = figure.getAttribute("aria-label");
    const button = (text, label, act) => {
      const b = make("button", { type: "button", textContent: text });
      b.setAttribute("aria-label", label + ": " + title);
      b.addEventListener("click", () => act(open()));
      return b;
    };
    figure.append(make("div", { className: "tools" },
      button("+", "zoom in", (c) => c.zoom(1.5)), button("−", "zoom out", (c) => c.zoom(1 / 1.5)),
      button("whole", "show the whole figure", (c) => c.reset())));
  }
}
