// ONNX Runtime behind a pipe: one request a line on standard input, one answer a line on standard output ("ok …" or
// "error …"). usage: node worker.js FOLDER, where FOLDER/node_modules holds onnxruntime-node.
//   load MODEL THREADS INPUT OUTPUT   a session; the images of INPUT run batch by batch, results in OUTPUT.
//                                     ok VERSION RESIDENT_BYTES (after the first inference)
//   time SECONDS                      ok NANOSECONDS of one run: the best of groups of about a millisecond
"use strict";
const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

const folder = path.resolve(process.argv[2] || ".");
let session = null, feeds = null;

// Lines from standard input, blocking: nothing else is due while a request is awaited.
let held = "";
function readLine() {
  const chunk = Buffer.alloc(4096);
  for (;;) {
    const end = held.indexOf("\n");
    if (end >= 0) {
      const line = held.slice(0, end);
      held = held.slice(end + 1);
      return line;
    }
    const n = fs.readSync(0, chunk, 0, chunk.length, null);
    if (n === 0) return null;
    held += chunk.toString("utf8", 0, n);
  }
}

async function load(model, threads, input, output) {
  const ort = createRequire(path.join(folder, "package.json"))("onnxruntime-node");
  session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: "all",
    executionMode: "sequential", executionProviders: ["cpu"],
  });
  const about = session.inputMetadata[0];
  const Numbers = about.type === "float32" ? Float32Array : Uint8Array;
  const bytes = fs.readFileSync(input);
  const all = new Numbers(bytes.buffer, bytes.byteOffset, bytes.byteLength / Numbers.BYTES_PER_ELEMENT);
  const per = about.shape.reduce((a, b) => a * b, 1);
  const results = [];
  let resident = 0;
  for (let at = 0; at + per <= all.length; at += per) {
    feeds = { [session.inputNames[0]]: new ort.Tensor(about.type, all.slice(at, at + per), about.shape) };
    const data = (await session.run(feeds))[session.outputNames[0]].data;
    resident = resident || process.memoryUsage.rss();
    results.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  fs.writeFileSync(output, Buffer.concat(results));
  return `${ort.env.versions.node || ort.env.versions.common} ${resident}`;
}

async function timed(n) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < n; i++) await session.run(feeds);
  return Number(process.hrtime.bigint() - start);
}

async function time(seconds) {
  let n = 1, best = await timed(n);
  while (best < 1e6) {
    n *= 2;
    best = await timed(n);
  }
  const until = process.hrtime.bigint() + BigInt(Math.round(Number(seconds) * 1e9));
  while (process.hrtime.bigint() < until) best = Math.min(best, await timed(n));
  return (best / n).toFixed(1);
}

async function main() {
  const requests = { load, time };
  for (let line = readLine(); line !== null; line = readLine()) {
    const [what, ...rest] = line.split("\t");
    let answer;
    try {
      if (!requests[what]) throw new Error(`no request ${what}`);
      answer = `ok ${await requests[what](...rest)}`;
    } catch (e) {
      answer = `error ${String(e.message || e).split("\n")[0]}`;
    }
    fs.writeSync(1, answer + "\n");
  }
}
main();
