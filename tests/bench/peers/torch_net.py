"""A model of compare_peers as a module of PyTorch. Of an int8 model it makes what torch.ao.quantization.convert makes of
a network after calibration: quantised convolutions and dense layers with a scale for each channel of the weights, and
tensors of quint8 that know their scale. So QuantizeLinear is a part of the operator before it, DequantizeLinear is
nothing, and ReLU is the saturation of quint8, which is a little faster here than the fused modules."""
import math
import struct

import torch
import torch.ao.nn.quantized as quantised
import torch.nn.functional as F

from onnx_read import FLOAT, INT8, INT32, LAYOUT, UINT8

TYPES = {FLOAT: torch.float32, UINT8: torch.uint8, INT8: torch.int8, INT32: torch.int32}
WIDTH = 16  # channels that oneDNN's kernels take at once


def tensor(model, name):
    constant = model.constants[name]
    return torch.frombuffer(bytearray(constant.raw), dtype=TYPES[constant.kind]).reshape(constant.shape)


def quantisation(model, node):
    """(scale, zero point) of a QuantizeLinear or DequantizeLinear with one scale."""
    return tensor(model, node.inputs[1]).item(), tensor(model, node.inputs[2]).item()


class Layer:
    """One operator: weights are [O, I / groups, …], `inputs` names what it reads of other layers."""

    def __init__(self, model, node, made, quantised_as):
        self.op, self.attrs, self.output = node.op, dict(node.attrs), node.output
        self.inputs = [name for name in node.inputs if name not in model.constants]
        self.scale, self.zero_point = quantised_as or (None, None)
        if self.op == "Clip":
            self.bounds = [tensor(model, name).item() for name in node.inputs[1:]]
        if self.op not in ("Conv", "Gemm"):
            return
        self.inputs, (weights, bias) = node.inputs[:1], node.inputs[1:]
        self.weight_scales = None
        if weights in made:
            assert self.scale, f"{self.output} has int8 weights and is not quantised"
            weights, bias = made[weights], made[bias]
            self.weight_scales = tensor(model, weights.inputs[1]).double()
            self.bias = tensor(model, bias.inputs[0]) * tensor(model, bias.inputs[1])
            weights = weights.inputs[0]
        else:
            self.bias = tensor(model, bias)
        self.weights = tensor(model, weights)
        if self.op == "Gemm":
            self.weights = self.weights.t()

    def widen(self, inputs, outputs):
        """Appends channels of zeros."""
        if self.depthwise():
            self.attrs["group"] += outputs
        else:
            self.weights = F.pad(self.weights, (0, 0, 0, 0, 0, inputs))
        self.weights = F.pad(self.weights, (0, 0, 0, 0, 0, 0, 0, outputs))
        self.bias = F.pad(self.bias, (0, outputs))
        if self.weight_scales is not None:
            self.weight_scales = F.pad(self.weight_scales, (0, outputs), value=1)

    def depthwise(self):
        return self.op == "Conv" and self.attrs["group"] == len(self.bias) > 1

    def pad(self):
        """Padding alike on both sides, which is all that a convolution of PyTorch knows, by rows and columns of zeros
        in the kernel: faster than a padding of its own."""
        top, left, bottom, right = self.attrs["pads"]
        self.weights = F.pad(self.weights, (max(right - left, 0), max(left - right, 0),
                                            max(bottom - top, 0), max(top - bottom, 0)))
        return max(top, bottom), max(left, right)

    def weighted(self):
        outputs, inputs = self.weights.shape[:2]
        if self.op == "Gemm":
            made = (quantised if self.scale else torch.nn).Linear(inputs, outputs)
        else:
            padding, groups = self.pad(), self.attrs["group"]
            made = (quantised if self.scale else torch.nn).Conv2d(
                inputs * groups, outputs, tuple(self.weights.shape[2:]), tuple(self.attrs["strides"]), padding,
                tuple(self.attrs["dilations"]), groups)
        weights = self.weights.contiguous()
        if not self.scale:
            made.weight.data, made.bias.data = weights, self.bias
            return made
        zeros = torch.zeros(outputs, dtype=torch.int64)
        made.set_weight_bias(torch._make_per_channel_quantized_tensor(weights, self.weight_scales, zeros, 0), self.bias)
        made.scale, made.zero_point = self.scale, self.zero_point
        return made

    def call(self):
        """What computes the layer from its inputs. Pools keep the scale of their input, as in PyTorch."""
        if self.op in ("Conv", "Gemm"):
            return self.weighted()
        if self.op == "MaxPool":
            top, left, bottom, right = self.attrs["pads"]
            assert (top, left) == (bottom, right), "a pool pads both sides alike"
            kernel, strides = self.attrs["kernel_shape"], self.attrs["strides"]
            return lambda x: F.max_pool2d(x, kernel, strides, (top, left))
        if self.op == "Add" and self.scale:
            return lambda a, b: torch.ops.quantized.add(a, b, self.scale, self.zero_point)
        return {"Add": torch.add, "Relu": F.relu, "Identity": torch.clone,
                "Clip": lambda x: F.hardtanh(x, *self.bounds), "Flatten": lambda x: torch.flatten(x, 1),
                "GlobalAveragePool": lambda x: F.adaptive_avg_pool2d(x, 1)}[self.op]


def layers_of(model):
    made = {node.output: node for node in model.nodes}
    quantises = {node.inputs[0]: node for node in model.nodes if node.op == "QuantizeLinear"}
    same, layers = {}, []
    for node in model.nodes:
        if node.op in ("QuantizeLinear", "DequantizeLinear"):
            same[node.output] = same.get(node.inputs[0], node.inputs[0])
            continue
        quantise = quantises.get(node.output)
        layer = Layer(model, node, made, quantise and quantisation(model, quantise))
        layer.inputs = [same.get(name, name) for name in layer.inputs]
        layers.append(layer)
    return layers


def widen(layers):
    """Channels of depthwise convolutions to a multiple of WIDTH, by channels of zeros. It costs nothing, since oneDNN
    computes as many, and without them optimised float code of PyTorch 1.13 leaves a part of a tensor unclamped."""
    makes = {layer.output: layer for layer in layers}
    wanted, more = {}, {}  # channels to append, by the layer's output: to ask for, and done
    for layer in layers:
        if layer.depthwise():
            source = makes[layer.inputs[0]]
            while source.op in ("Relu", "Clip"):
                source = makes[source.inputs[0]]
            wanted[source.output] = wanted[layer.output] = -len(layer.bias) % WIDTH
    for layer in layers:
        before = max([more.get(name, 0) for name in layer.inputs])
        if layer.op == "Conv":
            more[layer.output] = wanted.get(layer.output, 0)
            layer.widen(before, more[layer.output])
        elif before:
            assert layer.op in ("Relu", "Clip"), f"{layer.op} after channels that were appended"
            more[layer.output] = before


class Net(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        layers = layers_of(model)
        widen(layers)
        self.steps = [(layer.call(), layer.inputs, layer.output) for layer in layers]
        self.held = torch.nn.ModuleList([call for call, _, _ in self.steps if isinstance(call, torch.nn.Module)])
        self.input, self.output = model.input[0], layers[-1].output

    def forward(self, x):
        at = {self.input: x}
        for call, inputs, output in self.steps:
            at[output] = call(*[at[name] for name in inputs])
        return at[self.output]


def make(model, engine):
    """The model as frozen and optimised TorchScript; engine: of its integer operators, None: it has none."""
    if engine:
        torch.backends.quantized.engine = engine
    example, = batches(model, bytes(math.prod(model.input[2]) * struct.calcsize(LAYOUT[model.input[1]])))
    return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(Net(model).eval(), example)))


def is_quantised(model):
    return model.nodes[0].op == "DequantizeLinear"


def batches(model, data):
    """The bytes of whole batches as inputs of the model: quint8 with the model's scale, or float; channels last, as
    PyTorch's documents advise."""
    _, kind, shape = model.input
    every = torch.frombuffer(bytearray(data), dtype=TYPES[kind])
    size, out = math.prod(shape), []
    for x in every[:len(every) // size * size].reshape([-1] + shape):
        if is_quantised(model):
            x = torch._make_per_tensor_quantized_tensor(x, *quantisation(model, model.nodes[0]))
        out.append(x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x)
    return out


def result_bytes(model, y):
    """A result as the model's output: its uint8 are of a scale that must be the model's."""
    if y.is_quantized:
        scale, zero_point = quantisation(model, model.nodes[-1])
        assert abs(y.q_scale() / scale - 1) < 1e-6 and y.q_zero_point() == zero_point, "the result has another scale"
        y = y.int_repr()
    return y.contiguous().numpy().tobytes()
