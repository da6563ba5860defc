"use strict";
// The page of a report: reads the JSON beside it and draws. All text goes in as text, never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("main");
  main.textContent = "";
  window.addEventListener("error", (e) => main.setAttribute("data-error", e.message));

  const blue = "#1f6f8b", width = 1030;
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#6cc3de" : blue;
  const heat = { scheme: dark ? "viridis" : "YlGnBu", label: null, legend: true };

  function add(parent, tag, text, name) {
    const node = document.createElement(tag);
    if (text !== undefined && text !== null) node.textContent = text;
    if (name) node.className = name;
    parent.append(node);
    return node;
  }
  const note = (text, parent = main) => add(parent, "p", text, "note");
  const grouped = (v) => v.toLocaleString("en-US", { maximumFractionDigits: 0 });
  function si(v, unit) {
    if (v === 0) return `0 ${unit}`;
    const steps = ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T"];
    let p = 5;
    while (v >= 999.5 && p < 9) { v /= 1000; p++; }
    while (v < 0.9995 && p > 0) { v *= 1000; p--; }
    return `${v.toPrecision(3)} ${steps[p]}${unit}`;
  }
  function figure(parent, caption, plot, id) {
    const f = add(parent, "figure");
    f.id = id;
    add(f, "figcaption", caption);
    f.append(plot);
    return f;
  }
  const common = { style: { fontSize: "11px", background: "transparent" } };
  const short = (path) => {
    const p = path.replace(/^[^/[]*\/?/, "") || path;
    return p.length > 30 ? `${p.slice(0, 10)}…${p.slice(-19)}` : p;
  };
  // Names of layers as they are shown, each once.
  function labels(paths) {
    const seen = new Map();
    return paths.map((path) => {
      const name = short(path), n = (seen.get(name) || 0) + 1;
      seen.set(name, n);
      return n > 1 ? `${name} (${n})` : name;
    });
  }

  function lints() {
    if (!data.lints || !data.lints.length) return;
    add(main, "h2", `Lints (${data.lints.length})`);
    for (const lint of data.lints) {
      const box = add(main, "div", null, "lint");
      add(box, "code", lint.code);
      add(box, "span", ` ${lint.message}`);
      if (lint.file) add(box, "div", `${lint.file}:${lint.line}:${lint.column}`, "id");
      for (const n of lint.notes || []) add(box, "div", n.message || n.text || "", "id");
    }
  }

  // -- one network ----------------------------------------------------------------------------------
  function cards(t) {
    const box = add(main, "div", null, "cards");
    const card = (name, value, kind) => {
      const c = add(box, "div", null, "card");
      add(c, "b", value);
      add(c, "span", `${name}${kind ? ` (${kind})` : ""}`);
    };
    card("parameters", grouped(t.params), "exact");
    card("MACs", grouped(t.macs), "exact");
    card("arena, bytes", grouped(t.arena_bytes), "exact");
    card("weights, bytes", grouped(t.weight_bytes), "exact");
    if (t.code_bytes != null) card("code, bytes", grouped(t.code_bytes), "exact");
    if (t.stack_bytes != null) card("stack, bytes", grouped(t.stack_bytes), "bound");
    if (t.latency_ns != null) card("latency", si(t.latency_ns * 1e-9, "s"), "estimate");
    if (t.cycles != null) card("cycles", grouped(t.cycles), "estimate");
    if (t.energy_pj != null) card("energy", si(t.energy_pj * 1e-12, "J"), "estimate");
    if (t.utilisation) card("use of the peak", `${(100 * t.utilisation.total).toFixed(1)} %`, "estimate");
    card("asi_mean", t.asi_mean.toPrecision(4), "estimate");
    card("adcr_sum", t.adcr_sum.toPrecision(4), "estimate");
    if (t.proved_masked != null) card("faults proved masked", `${(100 * t.proved_masked).toFixed(1)} %`, "bound");
  }

  function bars(layers) {
    add(main, "h2", "Layers");
    note("Operators that store a tensor, in order of execution. Counts and bytes are exact; time, energy and sensitivity are estimates.");
    const metrics = [
      ["macs", "MACs", (l) => l.macs],
      ["weight_bytes", "weights, bytes", (l) => l.weight_bytes],
      ["activation_bytes", "output, bytes", (l) => l.activation_bytes],
      ["cycles", "cycles", (l) => l.cycles],
      ["energy_pj", "energy, pJ", (l) => l.energy_pj],
      ["utilisation", "use of the peak, %", (l) => l.utilisation && 100 * l.utilisation.total],
      ["sensitivity", "sensitivity of an element", (l) => l.sensitivity],
    ].filter((m) => layers.some((l) => m[2](l) > 0));
    const box = add(main, "div", null, "charts");
    for (const [key, title, value] of metrics)
      figure(box, title, Plot.plot({
        ...common, width: 340, height: 40 + 16 * layers.length, marginLeft: 175, marginRight: 12,
        x: { label: null, ticks: 3, tickFormat: "~s", grid: true }, y: { label: null, domain: layers.map((l) => l.label) },
        marks: [Plot.barX(layers, { x: value, y: "label", fill: ink, title: (l) => `${l.path}\n${title}: ${value(l)}` }), Plot.ruleX([0])],
      }), `bars-${key}`);
  }

  function roofline(layers, target) {
    add(main, "h2", "Roofline");
    const peak = target && target.peak_macs_per_cycle && target.clock_hz ? target.peak_macs_per_cycle * target.clock_hz : 0;
    const roofs = target ? target.memories.filter((m) => m.bytes_per_second > 0) : [];
    const points = layers.filter((l) => l.macs > 0 && l.latency_ns > 0).map((l) => {
      const bytes = roofs.reduce((sum, m) => sum + l.bytes_read[m.name] + l.bytes_written[m.name], 0);
      return { ...l, intensity: l.macs / bytes, rate: (l.macs / l.latency_ns) * 1e9 };
    }).filter((l) => isFinite(l.intensity));
    if (!peak || !roofs.length || !points.length) {
      note("Not drawn: it needs a target with a peak, a clock and bandwidths (--target).");
      return;
    }
    const low = Math.min(...points.map((p) => p.intensity)) / 2, high = Math.max(...points.map((p) => p.intensity)) * 2;
    const bottom = Math.min(...points.map((p) => p.rate), peak / 100) / 2;
    const lines = roofs.flatMap((m) => [low, Math.min(high, peak / m.bytes_per_second), high]
      .map((x) => ({ memory: m.name, x, y: Math.min(peak, x * m.bytes_per_second) })));
    note("Each point is a layer: multiply-adds a byte moved, and multiply-adds a second by the cost model. No layer lies above the roof of a memory that it uses.");
    figure(main, `${target.name}, model ${target.model}`, Plot.plot({
      ...common, width, height: 340, marginLeft: 60,
      x: { type: "log", label: "MACs a byte", grid: true }, y: { type: "log", label: "MACs a second", tickFormat: "~s", grid: true, ticks: 4, domain: [bottom, peak * 1.6], clamp: true },
      color: { legend: true, label: "memory" },
      marks: [
        Plot.line(lines, { x: "x", y: "y", stroke: "memory", strokeWidth: 1.5 }),
        Plot.dot(points, { x: "intensity", y: "rate", r: 4, fill: ink, title: (l) => `${l.path}\nbinds: ${l.binds}` }),
      ],
    }), "roofline");
  }

  function timeline(layers, t) {
    add(main, "h2", "Memory over the plan");
    note(`Each rectangle is a buffer: the steps it is alive, and where it lies in the arena of ${grouped(t.arena_bytes)} bytes. The line is the sum of live buffers. Exact: the emitted code uses this plan.`);
    const last = Math.max(...layers.map((l) => l.last_step)) + 1;
    const roomy = (l) => l.buffer_bytes > 0.07 * t.arena_bytes && ((l.last_step + 1 - l.first_step) / last) * (width - 90) > 6.5 * l.label.length;
    figure(main, "arena", Plot.plot({
      ...common, width, height: 320, marginLeft: 70,
      x: { label: "step" }, y: { label: "byte in the arena", tickFormat: "~s", domain: [0, t.arena_bytes] }, color: { legend: false },
      marks: [
        Plot.rect(layers, { x1: (l) => l.first_step, x2: (l) => l.last_step + 1, y1: "offset", y2: (l) => l.offset + l.buffer_bytes, fill: "label", fillOpacity: 0.65,
          stroke: "currentColor", strokeWidth: 0.5, title: (l) => `${l.path}\n${grouped(l.buffer_bytes)} bytes at ${grouped(l.offset)}, steps ${l.first_step} to ${l.last_step}` }),
        Plot.text(layers.filter(roomy), { x: (l) => (l.first_step + l.last_step + 1) / 2, y: (l) => l.offset + l.buffer_bytes / 2, text: "label", fill: "currentColor" }),
        Plot.lineY(layers, { x: (l) => l.step + 0.5, y: "live_bytes", stroke: "currentColor", strokeWidth: 1.5, curve: "step", sort: "step" }),
        Plot.ruleY([t.arena_bytes], { strokeDasharray: "4 3" }),
      ],
    }), "timeline");
  }

  function resilience(layers) {
    add(main, "h2", "Resilience");
    if (data.masked) {
      const names = new Map(layers.map((l) => [l.path, l.label]));
      const cells = data.masked.map((m) => ({ ...m, label: names.get(m.layer) || short(m.layer) }));
      note(`Share of single bit flips that are proved masked, by layer and bit: ${data.ranges && data.ranges.mode === "calibrated" ? "for the calibration inputs" : "for every input"}. The others may do harm or not.`);
      const sites = [...new Set(cells.map((c) => c.site))];
      for (const site of sites) {
        const own = cells.filter((c) => c.site === site), rows = layers.filter((l) => own.some((c) => c.label === l.label)).map((l) => l.label);
        figure(main, site, Plot.plot({
          ...common, width, height: 70 + 17 * rows.length, marginLeft: 190, padding: 0.06,
          x: { label: "bit", domain: [...new Set(own.map((c) => c.bit))].sort((a, b) => a - b) }, y: { label: null, domain: rows }, color: { ...heat, domain: [0, 1], label: "share proved masked" },
          marks: [Plot.cell(own, { x: "bit", y: "label", fill: "share", title: (c) => `${c.layer}, bit ${c.bit}: ${(100 * c.share).toFixed(1)} %` })],
        }), `masked-${site}`);
      }
      return;
    }
    note("Without weights nothing is proved (--weights FILE). Shares of the network by layer: where faults meet relevance (asi), memory and work.");
    const total = (f) => layers.reduce((sum, l) => sum + (f(l) || 0), 0) || 1;
    const columns = [["asi share", (l) => l.asi_share], ["sensitivity", (l) => l.sensitivity], ["stored elements", (l) => l.activation_bytes], ["weights", (l) => l.weight_bytes], ["MACs", (l) => l.macs]];
    const cells = columns.flatMap(([name, f]) => layers.map((l) => ({ column: name, label: l.label, path: l.path, share: (f(l) || 0) / total(f) })));
    figure(main, "share of the network (estimates and counts)", Plot.plot({
      ...common, width, height: 70 + 17 * layers.length, marginLeft: 190, padding: 0.04,
      x: { label: null, domain: columns.map((c) => c[0]) }, y: { label: null, domain: layers.map((l) => l.label) }, color: { ...heat, label: "share" },
      marks: [Plot.cell(cells, { x: "column", y: "label", fill: "share", title: (c) => `${c.path}, ${c.column}: ${(100 * c.share).toFixed(1)} %` })],
    }), "shares");
  }

  function table(layers) {
    add(main, "h2", "Table");
    const columns = [["layer", (l) => l.path], ["operator", (l) => l.op], ["shape", (l) => l.shape.join("×")], ["params", (l) => grouped(l.params)], ["MACs", (l) => grouped(l.macs)],
      ["live, bytes", (l) => grouped(l.live_bytes)], ["offset", (l) => grouped(l.offset)]];
    if (layers.some((l) => l.cycles != null)) columns.push(["cycles", (l) => grouped(l.cycles)], ["binds", (l) => l.binds]);
    const t = add(add(main, "div", null, "wide"), "table"), head = add(t, "tr");
    for (const c of columns) add(head, "th", c[0]);
    for (const l of layers) {
      const row = add(t, "tr");
      for (const c of columns) add(row, "td", c[1](l));
    }
  }

  function network() {
    const stored = data.layers.filter((l) => l.step !== null), names = labels(stored.map((l) => l.path));
    const layers = stored.map((l, i) => ({ ...l, label: names[i] }));
    add(main, "h1", data.net);
    add(main, "div", `arch_id ${data.arch_id}`, "id");
    const q = data.quant;
    note(`${q.weights} weights of ${q.weight_bits} bits, ${q.activations} activations of ${q.activation_bits} bits${q.default ? " (default)" : ` (${q.name})`}${data.target ? `; on ${data.target.name}, model ${data.target.model}` : ""}`);
    cards(data.totals);
    lints();
    bars(layers);
    roofline(layers, data.target);
    timeline(layers, data.totals);
    resilience(layers);
    table(layers);
  }

  // -- a space --------------------------------------------------------------------------------------
  function space() {
    add(main, "h1", data.net);
    note(`A space of ${data.genotypes} genotypes, ${data.feasible} feasible${data.feasible_exact ? "" : " (estimate)"}.`);
    lints();
    add(main, "h2", "Bounds");
    const t = add(add(main, "div", null, "wide"), "table"), head = add(t, "tr");
    for (const c of ["figure", "min", "max", "quality"]) add(head, "th", c);
    for (const [name, f] of Object.entries(data.figures)) {
      const row = add(t, "tr");
      for (const v of [name, grouped(f.min), grouped(f.max), f.quality]) add(row, "td", v);
    }
    const s = data.survey;
    if (!s) return;
    add(main, "h2", "Metrics");
    note(`Histograms over ${s.all ? "all" : ""} ${grouped(s.members)} members${s.all ? " (exact)" : ", drawn uniformly (estimates)"}.`);
    const box = add(main, "div", null, "charts");
    for (const [name, m] of Object.entries(s.metrics)) {
      const step = (m.max - m.min) / m.histogram.length || Math.abs(m.min) / 100 || 1;
      const bins = m.histogram.slice(0, m.max > m.min ? undefined : 1).map((n, i) => ({ n, low: m.min + i * step, high: m.min + (i + 1) * step }));
      figure(box, `${name}: ${m.min.toPrecision(4)} to ${m.max.toPrecision(4)}, mean ${m.mean.toPrecision(4)}`, Plot.plot({
        ...common, width: 340, height: 150, marginLeft: 45,
        x: { label: null, ticks: 4, tickFormat: "~s" }, y: { label: "members", grid: true, ticks: 3 },
        marks: [Plot.rectY(bins, { x1: "low", x2: "high", y: "n", fill: ink, insetLeft: 0.5, title: (b) => `${b.n} members from ${b.low.toPrecision(4)}` }), Plot.ruleY([0])],
      }), `histogram-${name}`);
    }
    add(main, "h2", "Decisions");
    note("How much of each metric's variance a decision explains alone.");
    const metrics = Object.keys(s.metrics);
    const cells = s.decisions.filter((d) => d.members > 0).flatMap((d) => metrics.map((m) => ({ metric: m, label: short(d.path), path: d.path, share: d.variance_share[m] })));
    figure(main, "share of variance", Plot.plot({
      ...common, width, height: 130 + 17 * s.decisions.length, marginLeft: 190, marginTop: 20, marginBottom: 90, padding: 0.05,
      x: { label: null, tickRotate: -40, domain: metrics }, y: { label: null, domain: [...new Set(cells.map((c) => c.label))] }, color: { ...heat, domain: [0, 1], label: "share of variance" },
      marks: [Plot.cell(cells, { x: "metric", y: "label", fill: "share", title: (c) => `${c.path}, ${c.metric}: ${(100 * c.share).toFixed(1)} %` })],
    }), "decisions");
  }

  try {
    if (data.schema.startsWith("nacre.space_report/")) space(); else network();
    main.setAttribute("data-ready", "1");
  } catch (e) {
    main.setAttribute("data-error", `${e.message}\n${e.stack}`);
    note(`This report could not be drawn: ${e.message}`);
  }
})();
