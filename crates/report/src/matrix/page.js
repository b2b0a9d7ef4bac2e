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

function draw(section) {
  const data = JSON.parse(section.querySelector("script").textContent);
  const { rows, columns, kinds, cells } = data;
  const most = Math.max(rows.length, columns.length);
  const size = most <= 60 ? 18 : most <= 150 ? 10 : most <= 400 ? 4 : 2;
  const named = size === 18;
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const font = "12px system-ui, sans-serif";
  pen.font = font;
  const width = (names) => Math.ceil(Math.max(0, ...names.map((name) => pen.measureText(name).width)));
  const left = named ? Math.min(360, width(rows)) + 8 : 0;
  const top = named ? Math.min(240, width(columns)) + 8 : 0;
  const [w, h] = [left + size * columns.length, top + size * rows.length];
  const scale = window.devicePixelRatio || 1;
  canvas.width = w * scale;
  canvas.height = h * scale;
  canvas.style.width = w + "px";
  canvas.style.height = h + "px";
  pen.scale(scale, scale);
  pen.font = font;
  pen.fillStyle = ink("--ink");
  pen.textBaseline = "middle";
  if (named) {
    rows.forEach((name, row) => pen.fillText(name, 0, top + size * (row + 0.5), left - 8));
    columns.forEach((name, column) => {
      pen.save();
      pen.translate(left + size * (column + 0.5), top - 8);
      pen.rotate(-Math.PI / 2);
      pen.fillText(name, 0, 0, top - 8);
      pen.restore();
    });
  }
  const gap = size > 4 ? 1 : 0;
  const colors = kinds.map(colorOf);
  cells.forEach((kind, position) => {
    if (kind < 0) return;
    pen.fillStyle = colors[kind];
    const [row, column] = [Math.floor(position / columns.length), position % columns.length];
    pen.fillRect(left + size * column, top + size * row, size - gap, size - gap);
  });
  canvas.onmousemove = (event) => {
    const column = Math.floor((event.offsetX - left) / size);
    const row = Math.floor((event.offsetY - top) / size);
    const inside = row >= 0 && column >= 0 && row < rows.length && column < columns.length;
    const kind = inside ? cells[row * columns.length + column] : -1;
    tip.hidden = !inside;
    if (!inside) return;
    const said = kind < 0 ? "itself" : kinds[kind].verdict + (kinds[kind].why ? "\n" + kinds[kind].why : "");
    tip.textContent = `${rows[row]}\n\u2192 ${columns[column]}\n${said}`;
    const right = event.clientX > window.innerWidth / 2;
    tip.style.left = right ? "auto" : event.clientX + 14 + "px";
    tip.style.right = right ? window.innerWidth - event.clientX + 14 + "px" : "auto";
    tip.style.top = Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8) + "px";
  };
  canvas.onmouseleave = () => (tip.hidden = true);
  section.querySelector(".picture").replaceChildren(canvas);

  const shown = new Map();
  kinds.forEach((kind, number) => {
    const word = kind.verdict.endsWith("% reachable") ? "share of reachable pairs" : kind.verdict;
    if (!shown.has(word) || kind.share === 100) shown.set(word, colors[number]);
  });
  section.querySelector(".legend").replaceChildren(...[...shown].map(([word, color]) => {
    const entry = document.createElement("span");
    const patch = document.createElement("i");
    patch.style.background = color;
    entry.append(patch, word);
    return entry;
  }));
}

const drawAll = () => document.querySelectorAll("section").forEach(draw);
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
