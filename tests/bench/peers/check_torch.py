"""PyTorch's results on the models of compare_peers, asked from worker_torch.py as compare_peers asks: LeNet-5 and
DS-CNN (padding that PyTorch does not have) in int8 on all images, float on the first, and requests that must fail.
usage: check_torch.py FOLDER"""
import os
import struct
import subprocess
import sys

FOLDER = sys.argv[1]
WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker_torch.py")
MOST = {"int8": 4, "float": 1e-5}  # steps of the output; a share of the largest output


def values(path, kind):
    with open(path, "rb") as file:
        data = file.read()
    return struct.unpack(f"<{len(data)}B" if kind == "int8" else f"<{len(data) // 4}f", data)


class Worker:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-B", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, *words):
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def load(self, name, batch, kind):
        path = os.path.join(FOLDER, f"{name}-{batch}-{kind}")
        answer = self.ask("load", path + ".onnx", "1", path + ".in", path + ".torch")
        assert answer.startswith("ok "), f"{name} {kind}: {answer}"
        assert int(answer.split()[2]) > 1 << 20, f"resident bytes: {answer}"
        return path + ".torch"


def check(worker, name, batch, kind):
    got = values(worker.load(name, batch, kind), kind)
    want = values(os.path.join(FOLDER, f"{name}-{kind}.want"), kind)
    assert len(got) >= len(want) > 0, f"{name} {kind}: {len(got)} results"
    worst = max(abs(g - w) for g, w in zip(got, want)) / (1 if kind == "int8" else max(map(abs, want)))
    assert worst <= MOST[kind], f"{name} {kind}, batch {batch}: differs by {worst}, allowed {MOST[kind]}"
    assert float(worker.ask("time", "0.01").split()[1]) > 0


def refused(worker, *words):
    answer = worker.ask(*words)
    assert answer.startswith("error ") and len(answer) > 12, f"{words}: {answer}"


def main():
    worker = Worker()
    refused(worker, "time", "0.01")
    refused(worker, "nosuch")
    refused(worker, "load", FOLDER + "/nosuch.onnx", "1", "in", "out")
    checks = [(name, batch, kind) for name in ("lenet5", "ds_cnn") for batch in (1, 100) for kind in MOST]
    for arguments in checks:
        check(worker, *arguments)
    worker.load("lenet5", 1, "empty")
    worker.process.stdin.close()
    assert worker.process.wait() == 0
    print(f"PyTorch: {len(checks) + 4} passed")


main()
