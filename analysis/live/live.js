// The script of the live page. The server sends two events: "state", once a second, of a few
// hundred bytes, and "figures", when they have changed. The script puts in whatever comes as
// text.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const make = (name, text = "") => Object.assign(document.createElement(name), { textContent: text });
  const draw = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const number = (v) => Number(v.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

  function time(seconds) {
    const s = Math.round(seconds), h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60);
    return h ? h + " h " + m + " min" : m ? m + " min " + (s % 60) + " s" : s + " s";
  }

  function showState(state) {
    document.title = at("title").textContent = state.title;
    say(state.ended || "last look " + new Date(state.at).toLocaleTimeString(), Boolean(state.ended) && !state.complete);
    const p = state.progress;
    at("progress").hidden = !p;
    if (p) {
      at("bar").max = p.all || 1;
      at("bar").value = p.done;
      at("counts").textContent = p.done + " of " + p.all + " trials done, " + p.failed + " failed, " +
        Math.max(0, p.all - p.done - p.failed) + " to go" + (state.ended ? "" : ", about " + time(p.left_s) + " left");
      document.title = (p.all ? Math.floor((100 * p.done) / p.all) + " % " : "") + state.title;
    }
    at("facts").replaceChildren(...state.facts.filter((f) => f.value).map((f) => {
      const box = make("div");
      box.append(make("dt", f.name), make("dd", f.value));
      return box;
    }));
    const errors = state.errors || [];
    at("errors").hidden = !errors.length;
    at("errors").querySelector("ol").replaceChildren(...errors.map((e) => make("li", e)));
  }

  function say(text, gone) {
    at("link").textContent = text;
    at("link").classList.toggle("gone", gone);
  }

  // line is the path of a curve in a box of 300 by 100; a gap begins a new stretch.
  function line(values, most, count) {
    let d = "", pen = "M";
    values.forEach((v, i) => {
      if (v === null) {
        pen = "M";
        return;
      }
      const x = 300 - ((values.length - 1 - i) / Math.max(1, count - 1)) * 300;
      d += pen + x.toFixed(1) + " " + (98 - (v / most) * 94).toFixed(1);
      pen = "L";
    });
    return d;
  }

  function chart(c) {
    const figure = make("figure");
    const svg = draw("svg", { viewBox: "0 0 300 100", preserveAspectRatio: "none", role: "img" });
    const seen = c.curves.flatMap((curve) => curve.values.filter((v) => v !== null));
    const most = Math.max(...seen, 1e-9), count = Math.max(...c.curves.map((curve) => curve.values.length));
    const key = make("div");
    key.className = "key";
    svg.append(draw("path", { d: "M0 98H300", class: "base" }));
    c.curves.forEach((curve, i) => {
      const colour = "c" + (i % 8), last = curve.values.at(-1);
      svg.append(draw("path", { d: line(curve.values, most, count), class: "curve " + colour }));
      const value = last === null || last === undefined ? "–" : number(last);
      const entry = make("span", "● " + curve.name + " " + value);
      entry.className = colour;
      key.append(entry);
    });
    svg.setAttribute("aria-label", c.title + ": " + key.textContent);
    const unit = c.unit ? ", " + c.unit : "";
    figure.append(make("figcaption", c.title + unit + " (0 to " + number(most) + ")"), svg, key);
    return figure;
  }

  // strip is a dot a trial, from the least to the greatest value.
  function strip(values) {
    const cell = make("td");
    if (!values || values.length < 2) return cell;
    const low = Math.min(...values), high = Math.max(...values);
    const svg = draw("svg", { viewBox: "0 0 112 22", role: "img", "aria-label": values.map(number).join(", ") });
    values.forEach((v, i) => svg.append(draw("circle", {
      cx: 4 + (i / (values.length - 1)) * 104, cy: high > low ? 18 - ((v - low) / (high - low)) * 14 : 11,
      r: 2.2, class: "dot",
    })));
    cell.append(svg);
    return cell;
  }

  function showFigures(figures) {
    at("charts").replaceChildren(...(figures.charts || []).map(chart));
    const t = figures.table, section = at("figures");
    section.hidden = !t || !t.rows;
    if (section.hidden) return;
    const row = (cells, name) => {
      const r = make("tr");
      r.append(...cells.map((c) => make(name, c)));
      return r;
    };
    section.querySelector("thead").replaceChildren(row([...t.columns, "each trial"], "th"));
    section.querySelector("tbody").replaceChildren(...t.rows.map((r) => {
      const tr = row(r.cells, "td");
      tr.append(strip(r.trials));
      return tr;
    }));
    section.querySelector("p").textContent = t.note || "";
  }

  const events = new EventSource("events");
  events.addEventListener("state", (event) => {
    const state = JSON.parse(event.data);
    showState(state);
    document.documentElement.dataset.state = state.ended ? "ended" : "live";
    if (state.ended) events.close();
  });
  events.addEventListener("figures", (event) => showFigures(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    const closed = events.readyState === EventSource.CLOSED;
    say(closed ? "the server refused this page, or is gone" : "the server is gone; asking again", true);
  });
})();
