#!/usr/bin/env bash
# HTML reports in a real browser, headless and without a network: every chart is drawn with as many marks as the data have,
# no script fails, nothing is asked for from outside; texts of programs stay texts. Skipped without Chromium or the library.
# usage: check_report_html.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no chromium"
if ! "$nacre" report "$source/examples/zoo/mnist_small.ncr" --format html -o probe.html 2>err; then
  grep -q 'no plotting library' err && skip "this build has no plotting library (scripts/web.sh)"
  cat err
  exit 1
fi
cat >small.ncr <<'EOF'
data drawn = digits(train: 60, test: 20);
train brief { data: drawn.train; epochs: 1; }
/// </script><script>document.title = "broken"</script>
net small(x: tensor[1, 28, 28]) -> tensor[10] { x |> conv(2, kernel: 3, stride: 2) |> relu |> flatten |> dense(10) }
EOF
must "$nacre" train small.ncr -q -o w.safetensors
make() { # name, arguments
  local name=$1
  shift
  "$nacre" report "$@" --format html -o "$name.html" 2>/dev/null && "$nacre" report "$@" --format json -o "$name.json" 2>/dev/null ||
    { echo "FAIL nacre report $*"; exit 1; }
  # Names are resolved to nothing, so a request for anything outside would fail and be logged.
  timeout 120 "$chromium" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/profile" \
    --host-resolver-rules='MAP * ~NOTFOUND' --virtual-time-budget=20000 --enable-logging=stderr --dump-dom \
    "file://$work/$name.html" >"$name.dom" 2>"$name.log"
}
make net "$source/examples/zoo/resnet18.ncr" --target cortex_m7
make plain "$source/examples/zoo/mnist_small.ncr"
make masked small.ncr --weights w.safetensors --ranges calibrated --target eyeriss_like
make space "$source/examples/spaces/nats_size.ncr"
python3 - <<'EOF'
import json, re, sys
from html.parser import HTMLParser
passed = failed = 0
def check(name, good, why=""):
    global passed, failed
    if good: passed += 1
    else:
        failed += 1
        print("FAIL", name, why)
class Dom(HTMLParser):
    def __init__(self):
        super().__init__()
        self.figures, self.stack, self.now, self.main, self.title, self.text, self.last = {}, [], None, {}, "", [], ""
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "main": self.main = a
        if tag == "figure":  # those of the library, around a legend, stand inside of ours
            self.stack.append(a.get("id"))
            if a.get("id"): self.now = self.figures.setdefault(a["id"], {"marks": {}}); self.group = []
        if self.now is not None:
            if tag == "g": self.group.append(a.get("aria-label") or (self.group[-1] if self.group else ""))
            elif tag in ("rect", "circle", "path", "line", "text") and self.group:
                key = self.group[-1]
                self.now["marks"][key] = self.now["marks"].get(key, 0) + 1
        self.last = tag
    def handle_endtag(self, tag):
        if tag == "figure" and self.stack.pop(): self.now = None
        if tag == "g" and self.now is not None and self.group: self.group.pop()
    def handle_data(self, data):
        if self.last == "title" and not self.title: self.title = data
        self.text.append(data)
def load(name):
    dom = Dom()
    dom.feed(open(name + ".dom").read())
    log = open(name + ".log").read()
    check(f"{name}: drawn to the end", dom.main.get("data-ready") == "1", str(dom.main))
    check(f"{name}: no script failed", "data-error" not in dom.main and "Uncaught" not in log and "CONSOLE:" not in log,
          "; ".join(l for l in log.split("\n") if "CONSOLE" in l)[:400])
    check(f"{name}: the policy was not broken", "Content Security Policy" not in log)
    page = open(name + ".html").read()
    check(f"{name}: nothing is loaded", not re.search(r'<(script|link|img|iframe)[^>]*\b(src|href)=', page.split('id="data"')[0]))
    return dom, json.load(open(name + ".json"))
for name in ("net", "plain", "masked"):
    dom, data = load(name)
    stored = [l for l in data["layers"] if l["step"] is not None]
    f = dom.figures
    for key in ("macs", "weight_bytes", "activation_bytes", "sensitivity"):
        check(f"{name}: bars of {key}", f.get("bars-" + key, {"marks": {}})["marks"].get("bar") == len(stored), str(f.get("bars-" + key)))
    check(f"{name}: a rectangle a buffer", f["timeline"]["marks"].get("rect") == len(stored), str(f["timeline"]["marks"]))
    points = [l for l in stored if l["macs"] > 0 and l.get("latency_ns")]
    if name == "plain":
        check("plain: no roofline without a target", "roofline" not in f and any("Not drawn" in t for t in dom.text))
    else:
        check(f"{name}: a point a layer with MACs", f["roofline"]["marks"].get("dot") == len(points), str(f["roofline"]["marks"]))
        check(f"{name}: bars of cycles", f["bars-cycles"]["marks"].get("bar") == len(stored))
    if name == "masked":
        for site in ("activation", "weight", "bias"):
            cells = [m for m in data["masked"] if m["site"] == site]
            check(f"heat map of {site}", f["masked-" + site]["marks"].get("cell") == len(cells), str(f.get("masked-" + site)))
        check("a script in a comment stays text", "broken" not in dom.title)
    else:
        check(f"{name}: shares by layer", f["shares"]["marks"].get("cell") == 5 * len(stored), str(f["shares"]["marks"]))
    text = " ".join(dom.text)
    check(f"{name}: the figures stand there", f"{data['totals']['macs']:,}" in text and f"{data['totals']['arena_bytes']:,}" in text)
dom, data = load("space")
for m, v in data["survey"]["metrics"].items():
    bins = len(v["histogram"]) if v["max"] > v["min"] else 1
    got = dom.figures.get("histogram-" + m, {"marks": {}})["marks"].get("rect")
    check(f"histogram of {m}", got == bins, f"{got}")
made = sum(d["members"] > 0 for d in data["survey"]["decisions"])
check("decisions by metrics", dom.figures["decisions"]["marks"].get("cell") == made * len(data["survey"]["metrics"]), str(dom.figures["decisions"]["marks"]))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
EOF
