// The page report.html shows everything without a script; this file adds a theme button, sorted tables
// and a filter by backend and runtime, and starts what figures.js adds. html.go joins the two files into
// one script.

function all(selector, root = document) {
  return [...root.querySelectorAll(selector)];
}

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// ---- theme: the system's until the button is pressed

function theme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  button.hidden = false;
  show();
}

// ---- tables

const units = {
  ns: 1e-9, "µs": 1e-6, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, "%": 0.01,
  B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40,
};

// value is the number that a cell begins with, in base units: "1,024 MB" is 1.024e9, "1m30s" is 90.
function value(text) {
  const time = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(text);
  if (text && time) return (time[1] || 0) * 3600 + (time[2] || 0) * 60 + Number(time[3] || 0);
  const number = /^([+\-−]?(?:\d[\d,]*)?(?:\.\d+)?(?:e[+-]?\d+)?)\s*([^\s\d,;[\](){}]*)/i.exec(text);
  if (!number || !/\d/.test(number[1])) return NaN;
  const n = Number(number[1].replaceAll(",", "").replace("−", "-"));
  return n * (Object.hasOwn(units, number[2]) ? units[number[2]] : 1);
}

// compare orders numbers before words; empty cells are handled by sortBy.
function compare(a, b) {
  const x = value(a), y = value(b);
  if (!isNaN(x) && !isNaN(y)) return x - y;
  if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
  return a.localeCompare(b, "en", { numeric: true });
}

function sortBy(table, column, descending) {
  const body = table.tBodies[0];
  const text = (row) => (row.cells[column] ? row.cells[column].textContent.trim() : "");
  const empty = (row) => ["", "–"].includes(text(row));
  const rows = [...body.rows].sort((a, b) => {
    if (empty(a) || empty(b)) return empty(a) - empty(b); // last in both directions
    return (descending ? -1 : 1) * compare(text(a), text(b));
  });
  body.append(...rows);
}

function sortable(table) {
  const heads = all("thead th", table);
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", className: "sort", title: head.title });
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(table, column, descending);
    });
  });
}

// ---- filter

function filter() {
  const form = document.getElementById("filter");
  const tagged = all("[data-backend], [data-runtime]");
  const apply = () => {
    const off = { backend: new Set(), runtime: new Set() };
    for (const box of all("input", form)) if (!box.checked) off[box.name].add(box.value);
    let rows = 0;
    for (const element of tagged) {
      const hide = off.backend.has(element.dataset.backend) || off.runtime.has(element.dataset.runtime);
      element.classList.toggle("filtered", hide);
      if (element.classList.contains("key") && element.nextElementSibling) {
        element.nextElementSibling.classList.toggle("filtered", hide); // the name in the legend
      }
      if (hide && element.tagName === "TR") rows++;
    }
    form.querySelector("output").textContent = rows ? rows + " rows are hidden" : "";
  };
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply)); // the boxes change after the event
  form.hidden = false;
  apply(); // a reloaded page keeps its boxes
}

theme();
filter();
figures();
all("table.sortable").forEach(sortable);
document.documentElement.dataset.script = "ready";
