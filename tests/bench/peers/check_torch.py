"""PyTorch's results on the models of compare_peers, asked from worker_torch.py as compare_peers asks, beside Nacre's: of
int8 models on all images, of float ones on the first. And requests that must fail. usage: check_torch.py FOLDER"""
import os
import struct
import subprocess
import sys

FOLDER = sys.argv[1]
WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker_torch.py")
# LeNet-5 has max-pooling, ResNet-8 additions, MobileNet 8 channels and padding that PyTorch has not.
CHECKS = [("lenet5", 100, "int8"), ("resnet8", 1, "int8"), ("mobilenet", 1, "int8"), ("mobilenet", 1, "float"),
          ("lenet5", 1, "empty")]
MOST = {"int8": 4, "float": 1e-5}  # steps of the output; a share of the largest output


def values(path, kind):
    with open(path, "rb") as file:
        data = file.read()
    return struct.unpack(f"<{len(data)}B" if kind == "int8" else f"<{len(data) // 4}f", data)


class Worker:
    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-B", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        return self

    def __exit__(self, kind, *_):
        self.process.communicate()
        assert kind or self.process.returncode == 0

    def ask(self, *words):
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def refuses(self, *words):
        answer = self.ask(*words)
        assert answer.startswith("error ") and len(answer) > 12, f"{words}: {answer}"


def check(name, batch, kind):
    path = os.path.join(FOLDER, f"{name}-{batch}-{kind}")
    load = ["load", path + ".onnx", "1", path + ".in", path + ".torch"]
    with Worker() as worker:
        answer = worker.ask(*load)
        assert answer.startswith("ok "), f"{name} {kind}: {answer}"
        assert int(answer.split()[2]) > 1 << 20, f"resident bytes: {answer}"
        assert float(worker.ask("time", "0.01").split()[1]) > 0
        worker.refuses(*load)
    if kind == "empty":
        return
    got, want = values(path + ".torch", kind), values(os.path.join(FOLDER, f"{name}-{kind}.want"), kind)
    assert len(got) >= len(want) > 0, f"{name} {kind}: {len(got)} results"
    worst = max(abs(g - w) for g, w in zip(got, want)) / (1 if kind == "int8" else max(map(abs, want)))
    assert worst <= MOST[kind], f"{name} {kind}, batch {batch}: differs by {worst}, allowed {MOST[kind]}"


def main():
    with Worker() as worker:
        worker.refuses("time", "0.01")
        worker.refuses("nosuch")
        worker.refuses("load", FOLDER + "/nosuch.onnx", "1", "in", "out")
    for arguments in CHECKS:
        check(*arguments)
    print(f"PyTorch: {len(CHECKS) + 3} passed")


main()
