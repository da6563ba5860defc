"""Checks the models of compare_peers from their bytes alone, by an independent reader of the operators' meaning.
usage: read_onnx.py FOLDER"""
import glob
import math
import os
import struct
import sys

from onnx_read import FLOAT, INT8, UINT8, Model

ARITY = {"Conv": (3,), "Gemm": (3,), "Relu": (1,), "Clip": (3,), "MaxPool": (1,), "GlobalAveragePool": (1,), "Add": (2,),
         "Flatten": (1,), "QuantizeLinear": (3,), "DequantizeLinear": (3,), "Identity": (1,)}
# Operators with weights of each network, from its text: what must be found in its models.
LAYERS = {"lenet5": 5, "resnet8": 10, "ds_cnn": 10, "mobilenet": 28, "autoencoder": 10}


class Tensor:
    def __init__(self, shape, values):
        self.shape, self.values = tuple(shape), values
        assert len(values) == math.prod(shape)


class Checked(Model):
    def check(self):
        known = set(self.constants) | {self.input[0]}
        for node in self.nodes:
            assert len(node.inputs) in ARITY[node.op], f"{node.op} with {len(node.inputs)} inputs"
            for name in node.inputs:
                assert name in known, f"{node.op} reads {name} before it is made"
            assert node.output not in known, f"{node.output} is made twice"
            known.add(node.output)
            if node.op == "Conv":
                assert len(node.attrs["pads"]) == 4 and len(node.attrs["strides"]) == 2
            if node.op == "DequantizeLinear":
                scale = self.constants[node.inputs[1]]
                if scale.shape:
                    assert self.constants[node.inputs[0]].shape[node.attrs["axis"]] == scale.shape[0]
        assert self.output[0] in known
        used = {name for node in self.nodes for name in node.inputs}
        assert set(self.constants) <= used, "a constant that nothing reads"
        return sum(node.op in ("Conv", "Gemm") for node in self.nodes)

    def run(self, values):
        """One image through the operators, in double precision."""
        at = {name: Tensor(c.shape, c.values()) for name, c in self.constants.items()}
        at[self.input[0]] = Tensor([1] + self.input[2][1:], values)
        for node in self.nodes:
            at[node.output] = OPS[node.op](node, *[at[name] for name in node.inputs])
        return at[self.output[0]].values


def windows(node, x, kernel):
    """(y, x, [(tap, index within the channel), …]) of each output place; taps in the padding are left out."""
    (kh, kw), (sy, sx) = kernel, node.attrs["strides"]
    top, left, bottom, right = node.attrs["pads"]
    H, W = x.shape[2:]
    rows, columns = (H + top + bottom - kh) // sy + 1, (W + left + right - kw) // sx + 1
    places = []
    for oy in range(rows):
        for ox in range(columns):
            taps = [(p * kw + q, (oy * sy - top + p) * W + ox * sx - left + q) for p in range(kh) for q in range(kw)
                    if 0 <= oy * sy - top + p < H and 0 <= ox * sx - left + q < W]
            places.append(taps)
    return rows, columns, places


def conv(node, x, w, b):
    assert node.attrs["group"] == 1 and node.attrs["dilations"] == [1, 1]
    O, I, kh, kw = w.shape
    area, size = kh * kw, x.shape[2] * x.shape[3]
    rows, columns, places = windows(node, x, (kh, kw))
    out = []
    for o in range(O):
        for taps in places:
            out.append(b.values[o] + sum(w.values[(o * I + c) * area + t] * x.values[c * size + i]
                                         for c in range(I) for t, i in taps))
    return Tensor((1, O, rows, columns), out)


def maxpool(node, x):
    size = x.shape[2] * x.shape[3]
    rows, columns, places = windows(node, x, node.attrs["kernel_shape"])
    return Tensor((1, x.shape[1], rows, columns),
                  [max(x.values[c * size + i] for _, i in taps) for c in range(x.shape[1]) for taps in places])


def gemm(_, x, w, b):
    I, O = w.shape
    return Tensor((1, O), [b.values[o] + sum(x.values[i] * w.values[i * O + o] for i in range(I)) for o in range(O)])


def dequantise(node, x, scale, zero):
    axis = node.attrs.get("axis", 0)
    inner = math.prod(x.shape[axis + 1:]) if scale.shape else 1
    n = len(scale.values)
    return Tensor(x.shape, [scale.values[i // inner % n] * (v - zero.values[i // inner % n])
                            for i, v in enumerate(x.values)])


def quantise(_, x, scale, zero):
    return Tensor(x.shape, [min(255, max(0, round(v / scale.values[0]) + zero.values[0])) for v in x.values])


OPS = {"Conv": conv, "MaxPool": maxpool, "Gemm": gemm, "DequantizeLinear": dequantise, "QuantizeLinear": quantise,
       "Relu": lambda _, x: Tensor(x.shape, [max(v, 0) for v in x.values]),
       "Flatten": lambda _, x: Tensor((1, len(x.values)), x.values)}


def results(folder, name, kind, layout, n):
    with open(os.path.join(folder, f"{name}-{kind}.want"), "rb") as file:
        return struct.unpack(f"<{n}{layout}", file.read(n * struct.calcsize(layout)))


def compute(folder, name):
    """The first image through both models; Nacre's own results are beside them."""
    n_in, checks = None, 0
    for kind, layout in (("int8", "B"), ("float", "f")):
        model = Checked(os.path.join(folder, f"{name}-1-{kind}.onnx"))
        n_in = math.prod(model.input[2])
        with open(os.path.join(folder, f"{name}-1-{kind}.in"), "rb") as file:
            image = struct.unpack(f"<{n_in}{layout}", file.read(n_in * struct.calcsize(layout)))
        got = model.run(image)
        want = results(folder, name, kind, layout, len(got))
        worst = max(abs(g - w) for g, w in zip(got, want))
        limit = 1 if kind == "int8" else 1e-5 * max(map(abs, want))
        assert worst <= limit, f"{name} {kind}: differs by {worst}, allowed {limit}"
        assert max(want) > min(want), "results that are all the same check nothing"
        checks += 1
    return checks


def main():
    folder, checks = sys.argv[1], 0
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        name, batch, kind = os.path.basename(path)[:-5].split("-")
        model = Checked(path)
        layers = model.check()
        assert layers == (0 if kind == "empty" else LAYERS[name]), f"{path}: {layers} layers"
        assert model.input[2][0] == model.output[2][0] == int(batch)
        assert model.input[1] == model.output[1] == (FLOAT if kind == "float" else UINT8)
        weights = [k for k in model.constants if k[0] in "wW"]
        assert len(weights) == layers
        assert all(model.constants[k].kind == (FLOAT if kind == "float" else INT8) for k in weights)
        checks += 1
    assert checks == 6 * len(LAYERS), f"{checks} models"
    checks += compute(folder, "lenet5")
    print(f"{checks} passed")


main()
