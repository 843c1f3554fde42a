"use strict";
// Draws the lattices that are embedded in the page, and answers questions about them. Plain functions over one state.
// Positions: a node's world x is in pixels at zoom 1, its world y a lane's; the view maps world to screen, across and
// down by factors of their own, since lattices are much longer than high.
// Labels are data: they reach the page as textContent, or as text painted on a canvas, never as markup.
(() => {
  const PITCH = 26, FONT = 13, MARGIN = 56, LEAST_EXPONENT = -6, MOST_LABELS = 700, MOST_ALIGNED = 4e6;
  const SHADES = 12;
  const byId = (id) => document.getElementById(id);
  const drawing = byId("drawing"), overview = byId("overview"), pen = drawing.getContext("2d");
  const view = { kx: 1, ky: 1, tx: 0, ty: 0 };
  const state = { number: 0, axis: "step", first: null, second: null, chosen: -1, hovered: -1, matches: [], match: -1 };
  const texts = new Map();
  let lattice = null, colours = {}, map = null, frames = 0, waiting = false;

  // ---- text ----

  // Characters that cannot be seen, or that turn the direction of what stands behind them, are written out.
  const UNSEEN = /[\p{C}\u2028\u2029]/gu;
  const plain = (text) => text.replace(UNSEEN, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
  const labelText = (label) => (label === null ? "ε" : label.trim() === "" ? `"${plain(label)}"` : plain(label));
  const number = (value, digits = 6) => (value === null || value === undefined ? "–" : String(+value.toPrecision(digits)));
  const share = (value) => (value === null ? "–" : value === 0 ? "0" : value >= 0.0995 ? value.toFixed(2) : value >= 0.001 ? value.toPrecision(2) : value.toExponential(1));

  function make(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function arcText(arc) {
    const { input, output } = lattice.arcs, one = labelText(lattice.labels[input[arc]]);
    return input[arc] === output[arc] ? one : `${one}:${labelText(lattice.labels[output[arc]])}`;
  }

  // Measuring text is slow, and the same labels come again and again.
  function width(text) {
    if (!texts.has(text)) {
      pen.font = font();
      texts.set(text, pen.measureText(text).width);
    }
    return texts.get(text);
  }

  const font = (size = FONT, weight = "") => `${weight} ${size}px system-ui, "DejaVu Sans", sans-serif`;
  const short = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

  // ---- what a lattice is like, once it is chosen ----

  function open(index) {
    lattice = JSON.parse(byId(`lattice-${index}`).textContent);
    const { arcs, nodes } = lattice;
    arcs.count = arcs.from.length;
    arcs.text = Array.from({ length: arcs.count }, (_, arc) => short(arcText(arc)));
    arcs.order = Array.from({ length: arcs.count }, (_, arc) => arc);
    if (arcs.posterior) arcs.order.sort((one, other) => arcs.posterior[one] - arcs.posterior[other]);
    nodes.y = nodes.lane.map((lane) => lane * PITCH);
    arcs.y = arcs.lane.map((lane) => lane * PITCH);
    nodes.steps = stepPositions();
    nodes.timed = lattice.timed ? timePositions() : null;
    Object.assign(state, { number: index, chosen: -1, hovered: -1, matches: [], match: -1 });
    state.axis = lattice.timed ? "time" : "step";
    byId("axis-label").hidden = !lattice.timed;
    byId("axis").value = state.axis;
    byId("threshold").value = 0;
    byId("threshold").disabled = !arcs.posterior;
    byId("word").value = "";
    byId("title").textContent = lattice.id.length > 28 ? `…${plain(lattice.id.slice(-26))}` : plain(lattice.id);
    byId("title").title = plain(lattice.id);
    const missing = arcs.posterior ? "" : lattice.paths.length ? "without posteriors: " : "without a best path: ";
    const said = [missing && `Drawn ${missing}${lattice.why}`, lattice.unfound && `No reference: ${lattice.unfound}`];
    byId("note").textContent = plain(said.filter(Boolean).join(". "));
    byId("note").hidden = !said.some(Boolean);
    listAnswers();
    search("");
    showFacts();
    place();
    begin();
  }

  // Columns as far apart as the labels between them are wide.
  function stepPositions() {
    const { arcs, nodes } = lattice, columns = nodes.column.reduce((one, other) => Math.max(one, other), 0) + 1;
    const gap = new Float64Array(columns).fill(64);
    for (let arc = 0; arc < arcs.count; arc++) {
      const one = nodes.column[arcs.from[arc]], other = nodes.column[arcs.to[arc]], steps = other - one;
      if (steps < 1 || steps > 6) continue;
      const room = (width(arcs.text[arc]) + 84) / steps;
      for (let column = one; column < other; column++) gap[column] = Math.max(gap[column], room);
    }
    const at = new Float64Array(columns);
    for (let column = 1; column < columns; column++) at[column] = at[column - 1] + gap[column - 1];
    return nodes.column.map((column) => at[column]);
  }

  // Seconds as pixels, so that most words of the best path have room for their label.
  function timePositions() {
    const { arcs, nodes, paths } = lattice, first = nodes.time.reduce((one, other) => Math.min(one, other));
    const needs = [];
    for (const arc of paths.length ? paths[0].arcs : arcs.order) {
      const took = nodes.time[arcs.to[arc]] - nodes.time[arcs.from[arc]];
      if (took > 0) needs.push((width(arcs.text[arc]) + 60) / took);
    }
    needs.sort((one, other) => one - other);
    const scale = needs.length ? needs[Math.floor(0.8 * (needs.length - 1))] : 100;
    lattice.scale = scale;
    lattice.zero = first;
    return nodes.time.map((time) => (time - first) * scale);
  }

  function place() {
    lattice.nodes.x = state.axis === "time" ? lattice.nodes.timed : lattice.nodes.steps;
    remark();
  }

  // ---- what is marked, and what is shown ----

  const least = () => (+byId("threshold").value ? 10 ** (LEAST_EXPONENT + byId("threshold").value / 10) : -Infinity);
  const answers = () => [...lattice.paths, ...(lattice.reference ? [lattice.reference] : [])];

  function remark() {
    const { arcs, nodes } = lattice, all = answers(), bound = least();
    const arcsOf = (index) => new Set(index === null ? [] : all[index].arcs);
    state.onFirst = arcsOf(state.first);
    state.onSecond = arcsOf(state.second);
    state.found = new Set(state.matches);
    const shown = (state.shown = new Uint8Array(arcs.count)), seen = (state.seen = new Uint8Array(nodes.x.length));
    state.visible = 0;
    for (let arc = 0; arc < arcs.count; arc++) {
      const marked = state.onFirst.has(arc) || state.onSecond.has(arc) || state.found.has(arc) || arc === state.chosen;
      if (arcs.posterior && arcs.posterior[arc] < bound && !marked) continue;
      shown[arc] = seen[arcs.from[arc]] = seen[arcs.to[arc]] = 1;
      state.visible++;
    }
    for (let node = 0; node < seen.length; node++) {
      if (nodes.start[node] !== null || nodes.final[node] !== null || bound === -Infinity) seen[node] = 1;
    }
    const of = `${state.visible} of ${arcs.count} arcs`;
    byId("shown").textContent = bound === -Infinity ? of : `${bound.toPrecision(2)}: ${of}`;
    map = null;
    schedule();
  }

  function listAnswers() {
    const table = byId("answers"), all = answers(), last = all.length - 1;
    state.first = lattice.paths.length ? 0 : null;
    state.second = lattice.reference ? last : null;
    table.replaceChildren();
    if (!all.length) {
      table.append(make("caption", "There is no path.", "quiet"));
      showDifference();
      return;
    }
    const head = table.createTHead().insertRow();
    for (const [text, name] of [["A", "first"], ["B", "second"], ["answer", ""], ["energy", "number"], ["posterior", "number"]]) {
      const cell = make("th", text, name);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    all.forEach((answer, index) => {
      const row = body.insertRow(), isReference = lattice.reference && index === last;
      const name = isReference ? "reference" : `answer ${index + 1}`;
      row.insertCell().append(choice("first", index, `Show ${name} as A`));
      row.insertCell().append(choice("second", index, `Compare with ${name} as B`));
      const cell = row.insertCell();
      if (isReference) {
        const errors = `closest path to the reference, ${answer.errors} ${answer.errors === 1 ? "error" : "errors"}`;
        cell.append(make("div", answer.errors ? errors : "reference", "quiet"));
      }
      const said = make("bdi", plain(answer.text) || "(nothing)");
      said.title = said.textContent;
      cell.append(said);
      row.append(make("td", number(answer.energy), "number"), make("td", share(answer.posterior), "number"));
    });
    const row = body.insertRow();
    row.insertCell().append(choice("first", null, "Mark no answer as A"));
    row.insertCell().append(choice("second", null, "Compare with nothing"));
    const none = row.insertCell();
    none.colSpan = 3;
    none.append(make("span", "none", "quiet"));
    showDifference();
  }

  function choice(which, index, name) {
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: which, className: which, checked: state[which] === index });
    radio.value = index === null ? "none" : index;
    radio.setAttribute("aria-label", name);
    radio.addEventListener("change", () => {
      state[which] = index;
      showDifference();
      remark();
    });
    return radio;
  }

  // [label of B, label of A] in order, null for nothing: the alignment that `lattice evaluate` makes of a reference and
  // an answer. The table holds the distance of what is still to come.
  function aligned(reference, answer) {
    const rows = reference.length, columns = answer.length, stride = columns + 1;
    if ((rows + 1) * stride > MOST_ALIGNED) return null;
    const table = new Int32Array((rows + 1) * stride);
    for (let i = rows; i >= 0; i--) {
      for (let j = columns; j >= 0; j--) {
        const at = i * stride + j;
        if (i === rows || j === columns) table[at] = rows - i + columns - j;
        else {
          const both = table[at + stride + 1] + (reference[i] !== answer[j]);
          table[at] = Math.min(both, 1 + Math.min(table[at + stride], table[at + 1]));
        }
      }
    }
    const pairs = [];
    for (let i = 0, j = 0; i < rows || j < columns; ) {
      const here = table[i * stride + j];
      const both = i < rows && j < columns && here === table[(i + 1) * stride + j + 1] + (reference[i] !== answer[j]);
      if (both) pairs.push([reference[i++], answer[j++]]);
      else if (i < rows && here === table[(i + 1) * stride + j] + 1) pairs.push([reference[i++], null]);
      else pairs.push([null, answer[j++]]);
    }
    return pairs;
  }

  function showDifference() {
    const shown = byId("difference"), all = answers();
    shown.replaceChildren();
    if (state.first === null || state.second === null) {
      shown.append(make("span", "Choose an answer in A and another in B.", "quiet"));
      return;
    }
    const one = all[state.first], other = all[state.second];
    const pairs = aligned(other.wanted || other.output, one.output);
    if (pairs === null) {
      shown.append(make("span", "Too long to be aligned here; see lattice evaluate.", "quiet"));
      return;
    }
    let errors = 0;
    const words = pairs.flatMap(([wanted, said]) => {
      if (wanted === said) return [make("bdi", labelText(said)), " "];
      errors++;
      const parts = [];
      if (wanted !== null) parts.push(make("del", labelText(wanted)));
      if (said !== null) parts.push(make("ins", labelText(said)));
      return [...parts, " "];
    });
    const count = errors ? `${errors} ${errors === 1 ? "difference" : "differences"}; ` : "No difference: ";
    shown.append(make("span", count, "quiet"));
    if (errors) shown.append(make("del", "B"), " ", make("ins", "A"), document.createElement("br"));
    shown.append(...words);
  }

  function search(word) {
    const { arcs, labels } = lattice, wanted = word.trim().toLowerCase();
    const fits = labels.map((label) => label !== null && wanted !== "" && label.toLowerCase().includes(wanted));
    state.matches = arcs.order.filter((arc) => fits[arcs.input[arc]] || fits[arcs.output[arc]]);
    state.matches.reverse(); // the likely ones first
    state.match = -1;
    tellMatches(wanted);
  }

  function tellMatches(wanted) {
    const { matches, match } = state;
    byId("found").textContent = !wanted ? "" : matches.length ? `${match < 0 ? "" : `${match + 1} of `}${matches.length}` : "none";
  }

  function step(by) {
    const count = state.matches.length;
    if (!count) return;
    state.match = state.match < 0 ? (by > 0 ? 0 : count - 1) : (state.match + by + count) % count;
    tellMatches("found");
    choose(state.matches[state.match]);
    reveal(state.chosen);
  }

  function choose(arc) {
    state.chosen = arc;
    showFacts();
    remark();
  }

  function showFacts() {
    const facts = byId("facts"), arc = state.chosen, { arcs, nodes, labels } = lattice;
    facts.replaceChildren();
    if (arc < 0) {
      facts.append(make("p", "Click an arc for its numbers.", "quiet"));
      return;
    }
    const table = make("table"), one = arcs.from[arc], other = arcs.to[arc];
    const add = (name, value) => {
      const row = table.insertRow();
      const head = make("th", name);
      head.scope = "row";
      row.append(head, make("td", value));
    };
    add("arc", String(arc));
    add("from", plain(nodes.name[one]));
    add("to", plain(nodes.name[other]));
    add("input", labelText(labels[arcs.input[arc]]));
    add("output", labelText(labels[arcs.output[arc]]));
    add("energy", number(arcs.energy[arc], 10));
    for (const [name, column] of Object.entries(arcs.scores)) add(plain(name), number(column[arc], 10));
    add("posterior", arcs.posterior ? number(arcs.posterior[arc]) : "–");
    if (nodes.time) add("time", `${number(nodes.time[one])} – ${number(nodes.time[other])} s`);
    const on = answers().flatMap((answer, index) => (answer.arcs.includes(arc) ? [answer.wanted ? "reference" : index + 1] : []));
    if (on.length) add("in answers", on.join(", "));
    facts.append(table);
  }

  // ---- the view ----

  const across = (x) => x * view.kx + view.tx;
  const down = (y) => y * view.ky + view.ty;
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  function size(canvas) {
    const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth, high = canvas.clientHeight;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(high * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, high);
    return [wide, high];
  }

  // The box around all that is shown, in the world.
  function bounds() {
    const { arcs, nodes } = lattice, box = { left: Infinity, right: -Infinity, top: 0, bottom: 0 };
    for (let node = 0; node < nodes.x.length; node++) {
      if (!state.seen[node]) continue;
      box.left = Math.min(box.left, nodes.x[node]);
      box.right = Math.max(box.right, nodes.x[node]);
      box.top = Math.min(box.top, nodes.y[node]);
      box.bottom = Math.max(box.bottom, nodes.y[node]);
    }
    for (let arc = 0; arc < arcs.count; arc++) {
      if (!state.shown[arc]) continue;
      box.top = Math.min(box.top, arcs.y[arc]);
      box.bottom = Math.max(box.bottom, arcs.y[arc]);
    }
    return box.left > box.right ? { left: 0, right: 1, top: 0, bottom: 1 } : box;
  }

  function fit() {
    const box = bounds(), wide = drawing.clientWidth, high = drawing.clientHeight;
    const dx = box.right - box.left || 1, dy = box.bottom - box.top || 1;
    view.kx = Math.min(2.2, Math.max(40, wide - 2 * MARGIN) / dx);
    view.ky = Math.min(1.8, Math.max(40, high - 2 * MARGIN) / dy);
    view.tx = wide / 2 - view.kx * (box.left + box.right) / 2;
    view.ty = high / 2 - view.ky * (box.top + box.bottom) / 2;
    schedule();
  }

  // The beginning of the best path, its labels readable.
  function read() {
    const { arcs, nodes, paths } = lattice, path = paths.length ? paths[0].arcs : [];
    fit();
    view.kx = Math.max(view.kx, 1.15);
    view.ky = Math.max(view.ky, 1.15);
    view.tx = MARGIN - view.kx * (path.length ? nodes.x[arcs.from[path[0]]] : bounds().left);
    view.ty = drawing.clientHeight / 2;
    schedule();
  }

  // All of it if the best path can be read then, else its beginning, with as much above and below as there is room for.
  function begin() {
    fit();
    if (view.kx >= 0.5) return;
    const ky = Math.max(view.ky, 0.3);
    read();
    view.ky = Math.min(ky, 1.15);
  }

  function zoom(factor, x = drawing.clientWidth / 2, y = drawing.clientHeight / 2) {
    const box = bounds();
    const least = { kx: drawing.clientWidth / (box.right - box.left || 1), ky: drawing.clientHeight / (box.bottom - box.top || 1) };
    const kx = clamp(view.kx * factor, Math.min(0.5, least.kx / 2), 80), ky = clamp(view.ky * factor, Math.min(0.5, least.ky / 2), 1.8);
    view.tx = x - (x - view.tx) * kx / view.kx;
    view.ty = y - (y - view.ty) * ky / view.ky;
    view.kx = kx;
    view.ky = ky;
    schedule();
  }

  function pan(dx, dy) {
    view.tx += dx;
    view.ty += dy;
    schedule();
  }

  function reveal(arc) {
    const { arcs, nodes } = lattice, one = nodes.x[arcs.from[arc]], other = nodes.x[arcs.to[arc]];
    view.kx = Math.max(view.kx, 1);
    view.ky = Math.max(view.ky, 1);
    view.tx = drawing.clientWidth / 2 - view.kx * (one + other) / 2;
    view.ty = drawing.clientHeight / 2 - view.ky * arcs.y[arc];
    schedule();
  }

  // ---- drawing ----

  function schedule() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  // Where an arc goes on the screen: from (x1, y1) to its lane, along it, and to (x2, y2); bend: how far a turn takes.
  function shape(arc) {
    const { arcs, nodes } = lattice, one = arcs.from[arc], other = arcs.to[arc];
    const x1 = across(nodes.x[one]), y1 = down(nodes.y[one]), x2 = across(nodes.x[other]), y2 = down(nodes.y[other]);
    const y = down(arcs.y[arc]), high = Math.max(Math.abs(y - y1), Math.abs(y - y2));
    const back = nodes.column[other] <= nodes.column[one];
    const bend = back ? 14 + 22 * Math.min(1, view.ky) : Math.min((x2 - x1) * 0.42, 14 * view.ky + 0.55 * high);
    return { x1, y1, x2, y2, y, bend, back };
  }

  function trace({ x1, y1, x2, y2, y, bend, back }) {
    pen.moveTo(x1, y1);
    if (back) {
      pen.bezierCurveTo(x1 + bend, y1, x1 + bend, y, x1, y);
      pen.lineTo(x2, y);
      pen.bezierCurveTo(x2 - bend, y, x2 - bend, y2, x2, y2);
    } else if (x2 - x1 < 4) {
      pen.lineTo(x1 + bend, y);
      pen.lineTo(x2, y2);
    } else {
      if (y1 !== y) pen.bezierCurveTo(x1 + bend / 2, y1, x1 + bend / 2, y, x1 + bend, y);
      if (y2 !== y) {
        pen.lineTo(x2 - bend, y);
        pen.bezierCurveTo(x2 - bend / 2, y, x2 - bend / 2, y2, x2, y2);
      } else pen.lineTo(x2, y2);
    }
  }

  const outside = (s, wide, high) =>
    Math.max(s.x1, s.x2) < -40 || Math.min(s.x1, s.x2) > wide + 40 || Math.max(s.y1, s.y2, s.y) < -20 || Math.min(s.y1, s.y2, s.y) > high + 20;

  // A colour between two, as #rrggbb.
  function mixed(one, other, part) {
    const value = (colour, place) => parseInt(colour.slice(1 + 2 * place, 3 + 2 * place), 16);
    const parts = [0, 1, 2].map((place) => Math.round(value(one, place) * (1 - part) + value(other, place) * part));
    return `rgb(${parts.join(",")})`;
  }

  function draw() {
    waiting = false;
    const [wide, high] = size(drawing), thin = clamp(view.ky, 0.3, 1);
    const shapes = lattice.arcs.order.filter((arc) => state.shown[arc]).map((arc) => [arc, shape(arc)]).filter(([, s]) => !outside(s, wide, high));
    const ticks = drawAxis(wide, high);
    drawArcs(shapes, thin);
    // From afar nodes are dots, which would cover the best path.
    const far = radius() < 3;
    if (far) drawNodes(wide, high);
    drawMarks(shapes, thin);
    if (!far) drawNodes(wide, high);
    drawLabels(shapes, wide);
    for (const [x, text] of ticks) drawTick(x, high, text);
    drawOverview();
    document.body.dataset.drawn = String(++frames);
  }

  function drawArcs(shapes, thin) {
    // Arcs of one shade are one path: a canvas is slow to change its pen.
    const shades = Array.from({ length: SHADES + 1 }, () => []);
    for (const [arc, s] of shapes) shades[shade(arc)].push(s);
    pen.lineCap = "round";
    shades.forEach((some, level) => {
      if (!some.length) return;
      const part = level / SHADES;
      pen.beginPath();
      some.forEach(trace);
      pen.strokeStyle = mixed(colours.faint, colours.strong, part);
      pen.globalAlpha = level ? 1 : 0.65;
      pen.lineWidth = (0.9 + 4.1 * part) * thin;
      pen.stroke();
    });
    pen.globalAlpha = 1;
    if (view.ky * PITCH < 15) return;
    for (const [arc, s] of shapes) arrow(s, mixed(colours.faint, colours.strong, shade(arc) / SHADES));
  }

  function shade(arc) {
    const { posterior } = lattice.arcs;
    return posterior ? Math.round(SHADES * clamp(posterior[arc], 0, 1) ** 0.6) : Math.round(SHADES / 2);
  }

  function arrow({ x1, x2, y2, back }, colour) {
    if (!back && x2 - x1 < 24) return;
    const tip = x2 - radius();
    pen.beginPath();
    pen.moveTo(tip, y2);
    pen.lineTo(tip - 7, y2 - 4);
    pen.lineTo(tip - 7, y2 + 4);
    pen.fillStyle = colour;
    pen.fill();
  }

  function drawMarks(shapes, thin) {
    const stroke = (chosen, colour, wide) => {
      pen.beginPath();
      for (const [arc, s] of shapes) if (chosen(arc)) trace(s);
      pen.strokeStyle = colour;
      pen.lineWidth = wide;
      pen.stroke();
    };
    stroke((arc) => state.found.has(arc), colours.match, 5);
    stroke((arc) => arc === state.chosen || arc === state.hovered, colours.match, 10);
    // Where both answers go the same way, B is a border around A.
    stroke((arc) => state.onSecond.has(arc), colours.second, Math.max(6.5, 9 * thin));
    stroke((arc) => state.onFirst.has(arc), colours.first, Math.max(3, 4.5 * thin));
    if (state.chosen >= 0) stroke((arc) => arc === state.chosen, colours.text, 2);
    if (view.ky * PITCH < 15) return;
    for (const [arc, s] of shapes) {
      if (state.onFirst.has(arc)) arrow(s, colours.first);
      else if (state.onSecond.has(arc)) arrow(s, colours.second);
    }
  }

  const radius = () => clamp(8.5 * view.ky * Math.min(1, view.kx * 2), 1.2, 11);

  function drawNodes(wide, high) {
    const { nodes } = lattice, r = radius();
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = font(10);
    for (let node = 0; node < nodes.x.length; node++) {
      const x = across(nodes.x[node]), y = down(nodes.y[node]);
      if (!state.seen[node] || x < -20 || x > wide + 20 || y < -20 || y > high + 20) continue;
      const isFinal = nodes.final[node] !== null;
      disc(x, y, r, r > 3 ? colours.back : colours.node, r > 3 ? colours.node : null);
      if (isFinal) disc(x, y, r + 3, null, colours.node);
      if (nodes.start[node] !== null) {
        pen.beginPath();
        pen.moveTo(x - r - 3, y);
        pen.lineTo(x - r - 12, y - 6);
        pen.lineTo(x - r - 12, y + 6);
        pen.fillStyle = colours.node;
        pen.fill();
      }
      const name = plain(nodes.name[node]);
      if (r > 6 && name.length <= 3) {
        pen.fillStyle = colours.text;
        pen.fillText(name, x, y + 0.5);
      }
    }
  }

  function disc(x, y, r, inside, border) {
    pen.beginPath();
    pen.arc(x, y, r, 0, 2 * Math.PI);
    if (inside) {
      pen.fillStyle = inside;
      pen.fill();
    }
    if (border) {
      pen.strokeStyle = border;
      pen.lineWidth = 1.3;
      pen.stroke();
    }
  }

  function rank(arc) {
    const { posterior } = lattice.arcs;
    const marked = 8 * (arc === state.chosen) + 4 * state.onFirst.has(arc) + 2 * state.onSecond.has(arc) + 2 * state.found.has(arc);
    return marked + (posterior ? clamp(posterior[arc], 0, 1) : 0);
  }

  // The labels that have room, the important ones first; none lies upon another.
  function drawLabels(shapes, wide) {
    const { arcs } = lattice, rows = new Map(), tall = FONT + 4, far = view.ky * PITCH < 15;
    const free = (left, right, y) => {
      const row = Math.floor(y / tall);
      for (const near of [row - 1, row, row + 1]) {
        for (const [l, r, at] of rows.get(near) || []) if (left < r && right > l && Math.abs(at - y) < tall) return false;
      }
      if (!rows.has(row)) rows.set(row, []);
      rows.get(row).push([left, right, y]);
      return true;
    };
    let drawn = 0;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [arc, s] of shapes.slice().sort(([one], [other]) => rank(other) - rank(one))) {
      // Of what is on the screen of the level part of the arc, the middle.
      const edge = radius() + 6, straight = s.y1 === s.y && s.y2 === s.y;
      const from = s.back ? s.x2 - s.bend / 2 : s.x1 + (straight ? edge : Math.max(s.bend * 0.8, edge));
      const to = s.back ? s.x1 + s.bend / 2 : s.x2 - (straight ? edge + 6 : Math.max(s.bend * 0.8, edge));
      const left = Math.max(from, 4), right = Math.min(to, wide - 4), text = arcs.text[arc];
      const marked = state.onFirst.has(arc) || state.onSecond.has(arc) || arc === state.chosen;
      if (far && !marked && arcs.input[arc] + arcs.output[arc] === 0) continue; // an epsilon says nothing from afar
      pen.font = font(FONT, marked ? "600" : "");
      const room = right - left, needs = width(text) * (marked ? 1.08 : 1) + 6;
      if (room < needs && !(s.back && view.ky > 0.7)) continue;
      const sure = arcs.posterior && arcs.posterior[arc] >= 0.001 && room > needs + 40 && view.ky > 0.7 ? share(clamp(arcs.posterior[arc], 0, 1)) : "";
      const total = needs + (sure && 34), x = (left + right) / 2;
      if (!free(x - total / 2, x + total / 2, s.y)) continue;
      pen.fillStyle = state.found.has(arc) ? colours.match : colours.back;
      pen.fillRect(x - total / 2, s.y - tall / 2, total, tall);
      pen.fillStyle = state.onFirst.has(arc) ? colours.first : state.onSecond.has(arc) ? colours.second : shade(arc) ? colours.text : colours.quiet;
      if (state.found.has(arc)) pen.fillStyle = colours.text;
      pen.fillText(text, x - (sure && 17), s.y + 1);
      if (sure) {
        pen.font = font(10);
        pen.fillStyle = colours.quiet;
        pen.fillText(sure, x + total / 2 - 17, s.y + 1.5);
      }
      if (++drawn >= MOST_LABELS) break;
    }
  }

  // A line for every so many seconds; what they are called is drawn last, so that it is never covered.
  function drawAxis(wide, high) {
    const ticks = [];
    if (state.axis !== "time") return ticks;
    const perSecond = lattice.scale * view.kx, wanted = 90 / perSecond, power = 10 ** Math.floor(Math.log10(wanted));
    const every = power * [1, 2, 5, 10].find((factor) => factor * power >= wanted);
    const first = Math.ceil((lattice.zero - view.tx / perSecond) / every);
    for (let tick = first; ; tick++) {
      const x = (tick * every - lattice.zero) * perSecond + view.tx;
      if (x > wide) return ticks;
      pen.fillStyle = colours.line;
      pen.fillRect(Math.round(x), 0, 1, high);
      ticks.push([x, `${+(tick * every).toPrecision(8)} s`]);
    }
  }

  function drawTick(x, high, text) {
    pen.font = font(11);
    const needs = pen.measureText(text).width + 8;
    pen.fillStyle = colours.back;
    pen.fillRect(x - needs / 2, high - 18, needs, 18);
    pen.fillStyle = colours.quiet;
    pen.fillText(text, x, high - 8);
  }

  // All of it in a strip, with a frame around what is on the screen.
  function drawOverview() {
    const [wide, high] = size(overview), context = overview.getContext("2d");
    if (!map || map.wide !== wide) map = drawMap(wide, high);
    context.drawImage(map.canvas, 0, 0, wide, high);
    const { x, y } = map, left = x(-view.tx / view.kx), top = y(-view.ty / view.ky);
    const right = x((drawing.clientWidth - view.tx) / view.kx), bottom = y((drawing.clientHeight - view.ty) / view.ky);
    context.strokeStyle = colours.text;
    context.lineWidth = 1.5;
    context.strokeRect(clamp(left, 1, wide - 1), clamp(top, 1, high - 1), clamp(right, 1, wide - 1) - clamp(left, 1, wide - 1), clamp(bottom, 1, high - 1) - clamp(top, 1, high - 1));
  }

  function drawMap(wide, high) {
    const canvas = document.createElement("canvas"), ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, wide * ratio);
    canvas.height = Math.max(1, high * ratio);
    const context = canvas.getContext("2d"), box = bounds(), { arcs, nodes } = lattice;
    context.scale(ratio, ratio);
    const kx = (wide - 24) / (box.right - box.left || 1), ky = Math.min(1, (high - 12) / (box.bottom - box.top || 1));
    const x = (at) => 12 + (at - box.left) * kx, y = (at) => high / 2 + (at - (box.top + box.bottom) / 2) * ky;
    const line = (arc) => {
      context.moveTo(x(nodes.x[arcs.from[arc]]), y(arcs.y[arc]));
      context.lineTo(x(nodes.x[arcs.to[arc]]), y(arcs.y[arc]));
    };
    const strokes = [[state.shown, colours.faint, 0.7], [state.onSecond, colours.second, 3], [state.onFirst, colours.first, 1.6], [state.found, colours.match, 4]];
    for (const [which, colour, thick] of strokes) {
      context.beginPath();
      if (which instanceof Set) which.forEach(line);
      else which.forEach((shown, arc) => shown && line(arc));
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.stroke();
    }
    return { canvas, wide, x, y, worldX: (at) => box.left + (at - 12) / kx, worldY: (at) => (box.top + box.bottom) / 2 + (at - high / 2) / ky };
  }

  // ---- what is under the pointer ----

  // The height of an arc at x, and how steep it is there: a turn is about 3t^2 - 2t^3.
  function heightAt({ x1, y1, x2, y2, y, bend }, x) {
    const turn = (part, from, to) => [from + (to - from) * part * part * (3 - 2 * part), ((to - from) * 6 * part * (1 - part)) / bend];
    if (bend > 0 && x < x1 + bend) return turn((x - x1) / bend, y1, y);
    if (bend > 0 && x > x2 - bend) return turn((x - x2 + bend) / bend, y, y2);
    return [y, 0];
  }

  function distance(s, x, y) {
    const left = Math.min(s.x1, s.x2) - (s.back ? s.bend : 0), right = Math.max(s.x1, s.x2) + (s.back ? s.bend : 0);
    if (x < left || x > right) return Infinity;
    if (s.back) return Math.abs(y - s.y);
    const [height, slope] = heightAt(s, x);
    return Math.abs(y - height) / Math.hypot(1, slope);
  }

  function arcAt(x, y) {
    let best = -1, nearest = 7;
    for (const arc of lattice.arcs.order) {
      if (!state.shown[arc]) continue;
      const far = distance(shape(arc), x, y);
      if (far <= nearest) [best, nearest] = [arc, far];
    }
    return best;
  }

  function hover(x, y) {
    const arc = x === null ? -1 : arcAt(x, y), box = byId("hover"), { arcs, nodes } = lattice;
    if (arc !== state.hovered) {
      state.hovered = arc;
      schedule();
    }
    box.hidden = arc < 0;
    if (arc < 0) return;
    const sure = arcs.posterior ? `, posterior ${share(clamp(arcs.posterior[arc], 0, 1))}` : "";
    box.textContent = `${arcText(arc)}  ${plain(nodes.name[arcs.from[arc]])} → ${plain(nodes.name[arcs.to[arc]])}${sure}`;
    box.style.left = `${Math.min(x + 14, drawing.clientWidth - 200)}px`;
    box.style.top = `${y + (y > drawing.clientHeight - 60 ? -34 : 16)}px`;
  }

  // ---- controls ----

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["back", "line", "text", "quiet", "faint", "strong", "node", "first", "second", "match"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    map = null;
  }

  const KEYS = {
    ArrowLeft: () => pan(80, 0), ArrowRight: () => pan(-80, 0), ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
    "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: fit, 1: read, n: () => step(1), N: () => step(-1),
    Escape: () => choose(-1),
  };

  function listen() {
    let held = null;
    drawing.addEventListener("pointerdown", (event) => {
      held = { x: event.offsetX, y: event.offsetY, moved: false };
      drawing.setPointerCapture(event.pointerId);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (!held) return hover(event.offsetX, event.offsetY);
      const dx = event.offsetX - held.x, dy = event.offsetY - held.y;
      if (!held.moved && Math.hypot(dx, dy) < 4) return;
      drawing.classList.add("held");
      hover(null);
      pan(dx, dy);
      held = { x: event.offsetX, y: event.offsetY, moved: true };
    });
    drawing.addEventListener("pointerup", (event) => {
      if (held && !held.moved) choose(arcAt(event.offsetX, event.offsetY));
      held = null;
      drawing.classList.remove("held");
    });
    drawing.addEventListener("pointercancel", () => (held = null));
    drawing.addEventListener("pointerleave", () => hover(null));
    drawing.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.shiftKey) pan(-(event.deltaX || event.deltaY), 0);
      else zoom(Math.exp(-clamp(event.deltaY, -300, 300) / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    drawing.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
      event.preventDefault();
      KEYS[event.key]();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      byId("word").focus();
    });
    const go = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      view.tx = drawing.clientWidth / 2 - view.kx * map.worldX(event.offsetX);
      view.ty = drawing.clientHeight / 2 - view.ky * map.worldY(event.offsetY);
      schedule();
    };
    overview.addEventListener("pointerdown", go);
    overview.addEventListener("pointermove", go);
    byId("in").addEventListener("click", () => zoom(1.3));
    byId("out").addEventListener("click", () => zoom(1 / 1.3));
    byId("fit").addEventListener("click", fit);
    byId("follow").addEventListener("click", read);
    byId("next").addEventListener("click", () => step(1));
    byId("previous").addEventListener("click", () => step(-1));
    byId("threshold").addEventListener("input", remark);
    byId("word").addEventListener("input", (event) => {
      search(event.target.value);
      remark();
    });
    byId("word").addEventListener("keydown", (event) => {
      if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    });
    byId("axis").addEventListener("change", (event) => {
      state.axis = event.target.value;
      place();
      begin();
    });
    byId("lattice").addEventListener("change", (event) => open(+event.target.value));
    window.addEventListener("resize", schedule);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      readColours();
      schedule();
    });
  }

  // For those who drive the page from outside: what is to be seen on it, as numbers.
  window.lattice = {
    visibleArcs: () => state.visible,
    arcs: () => lattice.arcs.count,
    matches: () => [...state.matches],
    chosen: () => state.chosen,
    marked: () => ({ first: [...state.onFirst], second: [...state.onSecond] }),
    zoom: () => view.kx,
    data: () => JSON.parse(byId(`lattice-${state.number}`).textContent),
    at: (arc) => {
      const s = shape(arc), box = drawing.getBoundingClientRect();
      return { x: box.left + (s.x1 + s.x2) / 2, y: box.top + (s.back ? s.y : heightAt(s, (s.x1 + s.x2) / 2)[0]) };
    },
  };

  readColours();
  byId("choice").hidden = byId("lattice").options.length < 2;
  listen();
  open(0);
})();
