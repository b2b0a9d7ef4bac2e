"use strict";
const tip = document.getElementById("tip");
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colorOf = (kind) => {
  if (kind.verdict === "forward-only") return ink("--half");
  if (kind.verdict === "unknown") return ink("--ask");
  if (kind.share === 0) return ink("--no");
  if (kind.share === 100) return ink("--yes");
  return `color-mix(in srgb, ${ink("--yes")} ${20 + 0.7 * kind.share}%, ${ink("--no")})`;
};
const FONT = "12px system-ui, sans-serif";

// One service: its picture, what is looked for, and the cell at which somebody looks.
function section(root) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const { kinds, cells } = data;
  const width = data.columns.length;
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const said = root.querySelector(".said");
  const [from, to, only] = root.querySelectorAll("input");
  const mark = document.createElement("div");
  // Numbers of the rows and columns that are shown.
  let rows, columns;
  let size, left, top;
  let cursor = null;

  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", root.querySelector("h2").textContent + " Arrow keys go from cell to cell; the line above the picture tells what each says.");
  mark.className = "mark";
  root.querySelector(".picture").replaceChildren(canvas, mark);

  const kindAt = (row, column) => cells[rows[row] * width + columns[column]];
  const names = (row, column) => [data.rows[rows[row]], data.columns[columns[column]]];
  const words = (row, column) => {
    const kind = kindAt(row, column);
    if (kind < 0) return "itself";
    return kinds[kind].verdict + (kinds[kind].why ? "\n" + kinds[kind].why : "");
  };

  // As much of a name as there is room for.
  function fitted(name, room) {
    if (pen.measureText(name).width <= room) return name;
    let [least, most] = [0, name.length];
    while (least < most) {
      const middle = (least + most + 1) >> 1;
      if (pen.measureText(name.slice(0, middle) + "\u2026").width <= room) least = middle;
      else most = middle - 1;
    }
    return name.slice(0, least) + "\u2026";
  }

  function draw() {
    const matching = (list, field) => {
      const wanted = field.value.trim().toLowerCase();
      const numbers = list.map((_, number) => number);
      return wanted ? numbers.filter((number) => list[number].toLowerCase().includes(wanted)) : numbers;
    };
    rows = matching(data.rows, from);
    columns = matching(data.columns, to);
    if (only.checked) {
      const tells = kinds.map((kind) => kind.verdict !== "unreachable" && kind.verdict !== "0 % reachable");
      const is = (row, column) => tells[cells[row * width + column]];
      columns = columns.filter((column) => rows.some((row) => is(row, column)));
      rows = rows.filter((row) => columns.some((column) => is(row, column)));
    }
    if (cursor && (cursor[0] >= rows.length || cursor[1] >= columns.length)) cursor = null;
    const most = Math.max(rows.length, columns.length, 1);
    size = most <= 60 ? 18 : most <= 150 ? 10 : most <= 400 ? 4 : 2;
    const named = (list) => list.length * 18 <= 1080;
    pen.font = FONT;
    const room = (list, shown, limit) => {
      if (size < 10 || !named(shown)) return 0;
      const widths = shown.map((number) => pen.measureText(list[number]).width);
      return Math.min(limit, Math.ceil(Math.max(0, ...widths))) + 8;
    };
    left = room(data.rows, rows, Math.min(360, window.innerWidth / 2.5));
    top = room(data.columns, columns, 240);
    if (left || top) size = 18;
    const [w, h] = [left + size * columns.length + 1, top + size * rows.length + 1];
    const scale = window.devicePixelRatio || 1;
    canvas.width = w * scale;
    canvas.height = h * scale;
    canvas.style.width = w + "px";
    canvas.style.height = h + "px";
    pen.scale(scale, scale);
    pen.font = FONT;
    pen.fillStyle = ink("--ink");
    pen.textBaseline = "middle";
    if (left) rows.forEach((number, row) => pen.fillText(fitted(data.rows[number], left - 8), 0, top + size * (row + 0.5)));
    if (top) {
      columns.forEach((number, column) => {
        pen.save();
        pen.translate(left + size * (column + 0.5), top - 8);
        pen.rotate(-Math.PI / 2);
        pen.fillText(fitted(data.columns[number], top - 8), 0, 0);
        pen.restore();
      });
    }
    const gap = size > 4 ? 1 : 0;
    const colors = kinds.map(colorOf);
    // Most cells of a large picture say that nothing is reachable: they are the ground on which the others are drawn.
    const ground = gap ? null : ink("--no");
    if (ground) {
      pen.fillStyle = ground;
      pen.fillRect(left, top, size * columns.length, size * rows.length);
    }
    rows.forEach((_, row) => {
      columns.forEach((_, column) => {
        const kind = kindAt(row, column);
        if (kind < 0 || colors[kind] === ground) return;
        pen.fillStyle = colors[kind];
        pen.fillRect(left + size * column, top + size * row, size - gap, size - gap);
      });
    });
    const shown = new Map();
    kinds.forEach((kind, number) => {
      const isShare = kind.verdict.endsWith("% reachable") && kind.share > 0 && kind.share < 100;
      const word = isShare ? "some of the pairs reachable" : kind.verdict;
      if (!shown.has(word)) shown.set(word, colors[number]);
    });
    root.querySelector(".legend").replaceChildren(...[...shown].map(([word, color]) => {
      const entry = document.createElement("span");
      const patch = document.createElement("i");
      patch.style.background = color;
      entry.append(patch, word);
      return entry;
    }));
    root.querySelector(".shown").textContent = !rows.length || !columns.length
      ? "Nothing has such a name."
      : rows.length === data.rows.length && columns.length === data.columns.length ? "" : `${rows.length} rows by ${columns.length} columns shown`;
    look(cursor);
  }

  // Looks at a cell, or at none.
  function look(cell) {
    cursor = cell;
    mark.hidden = !cell;
    if (!cell) {
      said.textContent = "";
      return;
    }
    mark.style.left = canvas.offsetLeft + left + size * cell[1] - 2 + "px";
    mark.style.top = canvas.offsetTop + top + size * cell[0] - 2 + "px";
    mark.style.width = mark.style.height = size + "px";
    const [source, destination] = names(...cell);
    said.textContent = `${source} \u2192 ${destination}: ${words(...cell).replace("\n", ": ")}`;
  }

  const under = (event) => {
    const column = Math.floor((event.offsetX - left) / size);
    const row = Math.floor((event.offsetY - top) / size);
    return row >= 0 && column >= 0 && row < rows.length && column < columns.length ? [row, column] : null;
  };
  canvas.onmousemove = (event) => {
    const cell = under(event);
    tip.hidden = !cell;
    if (!cell) return;
    const [source, destination] = names(...cell);
    tip.textContent = `${source}\n\u2192 ${destination}\n${words(...cell)}`;
    const right = event.clientX > window.innerWidth / 2;
    tip.style.left = right ? "auto" : event.clientX + 14 + "px";
    tip.style.right = right ? window.innerWidth - event.clientX + 14 + "px" : "auto";
    tip.style.top = Math.max(8, Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)) + "px";
  };
  canvas.onmouseleave = () => (tip.hidden = true);
  canvas.onclick = (event) => look(under(event));
  canvas.onkeydown = (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (event.key === "Escape") look(null);
    else if (step && rows.length && columns.length) {
      const moved = cursor ? [cursor[0] + step[0], cursor[1] + step[1]] : [0, 0];
      look([Math.min(rows.length - 1, Math.max(0, moved[0])), Math.min(columns.length - 1, Math.max(0, moved[1]))]);
    } else return;
    event.preventDefault();
    if (!cursor) return;
    const frame = canvas.parentElement;
    const [x, y] = [left + size * cursor[1], top + size * cursor[0]];
    if (x < frame.scrollLeft || x + size > frame.scrollLeft + frame.clientWidth) frame.scrollLeft = x - frame.clientWidth / 2;
    if (y < frame.scrollTop || y + size > frame.scrollTop + frame.clientHeight) frame.scrollTop = y - frame.clientHeight / 2;
  };
  for (const field of [from, to, only]) {
    field.oninput = () => {
      cursor = null;
      draw();
    };
  }
  draw();
  return draw;
}

const sections = [...document.querySelectorAll("section")].map(section);
const drawAll = () => sections.forEach((draw) => draw());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
window.addEventListener("resize", drawAll);
