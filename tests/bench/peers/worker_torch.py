"""PyTorch behind a pipe, with the requests of worker.js: one a line on standard input, one answer a line on standard
output ("ok …" or "error …").
  load MODEL THREADS INPUT OUTPUT   a network, once; the images of INPUT run batch by batch, results in OUTPUT.
                                    ok VERSION RESIDENT_BYTES (after the first inference) [by ENGINE …]
  time SECONDS                      ok NANOSECONDS of one run: the best of groups of about a millisecond
"""
import os
import sys
import time
import warnings

from onnx_read import Model

# Engines of integer operators, of which packages have some, and what oneDNN may use at most (None: all). PyTorch 1.13
# does not survive some shapes with tile registers: oneDNN 2.6 writes past the end of a buffer.
FORMS = [("x86", None), ("fbgemm", None), ("onednn", None), ("onednn", "AVX512_CORE_VNNI"), ("qnnpack", None)]
WARM = 5  # runs until TorchScript has compiled what it compiles
TRIAL_S, TRIALS = 0.1, 2


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Session:
    """One form of a model. Imports are late, since libraries look at the environment when they start."""

    def __init__(self, model, data, form):
        import torch_net
        engine, instructions = form
        if instructions:
            os.environ.setdefault("ONEDNN_MAX_CPU_ISA", instructions)
        self.net = torch_net.make(model, engine)
        self.inputs = torch_net.batches(model, data)
        self.net(self.inputs[-1])
        self.resident = resident_bytes()
        self.timed(WARM)

    def timed(self, n):
        net, x = self.net, self.inputs[-1]
        start = time.perf_counter_ns()
        for _ in range(n):
            net(x)
        return time.perf_counter_ns() - start

    def best(self, seconds):
        n = 1
        best = self.timed(n)
        while best < 1e6:
            n *= 2
            best = self.timed(n)
        until = time.perf_counter_ns() + seconds * 1e9
        while time.perf_counter_ns() < until:
            best = min(best, self.timed(n))
        return best / n


def trial(model, data, form):
    """Nanoseconds of one run in a process of its own, which may die of it; infinite if it does."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.write(writer, str(Session(model, data, form).best(TRIAL_S)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    return float(said) if said and status == 0 else float("inf")


def choose(model, data):
    """The fastest form of those that live; in turns, since other work on the machine comes and goes."""
    import torch
    import torch_net
    if not torch_net.is_quantised(model):
        return None, None
    able = [form for form in FORMS if form[0] in torch.backends.quantized.supported_engines]
    times = [min(times) for times in zip(*[[trial(model, data, form) for form in able] for _ in range(TRIALS)])]
    assert times and min(times) < float("inf"), "no engine computes this model"
    return able[times.index(min(times))]


class Worker:
    session = None

    def load(self, path, threads, data, output):
        # Libraries keep what they chose for the first model, and trials are forks without the threads it made.
        assert not self.session, "a process loads one model"
        model = Model(path)
        with open(data, "rb") as file:
            images = file.read()
        os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = threads
        import torch
        import torch_net
        torch.set_num_threads(int(threads))
        with torch.inference_mode():
            form = choose(model, images)
            self.session = Session(model, images, form)
            with open(output, "wb") as file:
                for x in self.session.inputs:
                    file.write(torch_net.result_bytes(model, self.session.net(x)))
        engine, instructions = form
        by = engine and f" by {engine}" + (f" with no more than {instructions}" if instructions else "")
        return f"{torch.__version__} {self.session.resident}{by or ''}"

    def time(self, seconds):
        assert self.session, "nothing is loaded"
        import torch
        with torch.inference_mode():
            return f"{self.session.best(float(seconds)):.1f}"


def main():
    warnings.simplefilter("ignore")
    worker, requests = Worker(), ("load", "time")
    for line in sys.stdin:
        what, *rest = line.rstrip("\n").split("\t")
        try:
            if what not in requests:
                raise ValueError(f"no request {what}")
            answer = f"ok {getattr(worker, what)(*rest)}"
        except Exception as error:
            answer = f"error {type(error).__name__}: {error}".split("\n")[0]
        print(answer, flush=True)


main()
