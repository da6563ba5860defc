"""ONNX models of compare_peers from their bytes alone, by an own reader of the protocol buffers: names, shapes and raw
constants. What operators mean is left to others."""
import math
import struct

FLOAT, UINT8, INT8, INT32 = 1, 2, 3, 6
LAYOUT = {FLOAT: "f", UINT8: "B", INT8: "b", INT32: "i"}


def fields(data):
    """{field number: [integer or bytes, …]} of one message; the length must come out exactly."""
    out, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 2:
            size = varint()
            assert at + size <= len(data), "a field passes the end of its message"
            value = data[at:at + size]
            at += size
        else:
            raise AssertionError(f"wire type {key & 7}")
        out.setdefault(key >> 3, []).append(value)
    return out


class Constant:
    def __init__(self, data):
        f = fields(data)
        self.name, self.shape, self.kind, self.raw = f[8][0].decode(), tuple(f.get(1, [])), f[2][0], f[9][0]
        n = math.prod(self.shape)
        assert len(self.raw) == n * struct.calcsize(LAYOUT[self.kind]), f"{self.name}: {len(self.raw)} bytes for {n}"

    def values(self):
        return struct.unpack(f"<{math.prod(self.shape)}{LAYOUT[self.kind]}", self.raw)


def read_value(data):
    f = fields(data)
    kind = fields(fields(f[2][0])[1][0])
    return f[1][0].decode(), kind[1][0], [fields(d)[1][0] for d in fields(kind[2][0])[1]]


class Node:
    def __init__(self, data):
        f = fields(data)
        self.inputs = [v.decode() for v in f[1]]
        (self.output,), self.op = [v.decode() for v in f[2]], f[4][0].decode()
        self.attrs = {}
        for a in map(fields, f.get(5, [])):
            assert a[20][0] == (7 if 8 in a else 2)
            self.attrs[a[1][0].decode()] = a[8] if 8 in a else a[3][0]


class Model:
    def __init__(self, path):
        with open(path, "rb") as file:
            f = fields(file.read())
        assert f[1] == [8] and fields(f[8][0])[2] == [13], "IR version or operator set"
        g = fields(f[7][0])
        self.nodes = [Node(v) for v in g[1]]
        self.constants = {}
        for constant in map(Constant, g.get(5, [])):
            assert constant.name not in self.constants
            self.constants[constant.name] = constant
        (self.input,), (self.output,) = map(read_value, g[11]), map(read_value, g[12])
