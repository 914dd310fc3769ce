#!/usr/bin/env python3
"""Writes test/golden/blocks.json: blocks of common classifiers and their gradients by PyTorch.

Inputs and weights come from make-golden.py's formula. The loss is the sum of the output times
numbers of the same formula; of each gradient its norm and its product with such numbers are kept.

    python3 scripts/make-golden-blocks.py
"""
import importlib
import json
import sys

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
golden = importlib.import_module("make-golden")


def signs(name, tensor):
    """Numbers in -1..1 in the shape of a tensor."""
    values = 2 * golden.uniform(name, tensor.numel()) - 1
    return torch.from_numpy(values.reshape(tuple(tensor.shape)))


class Block:
    def __init__(self, name, shape):
        self.values = {}
        self.input = self.get(f"{name}/input", shape, signed=True)

    def get(self, name, shape, signed=False):
        if name not in self.values:
            value = golden.weight(name, shape)
            if signed:
                value = signs(name, torch.empty(shape)).float() * 2
            self.values[name] = value.requires_grad_()
        return self.values[name]

    def conv(self, x, name, filters, kernel, **options):
        groups = options.get("groups", 1)
        w = self.get(f"{name}/kernel", (filters, x.shape[1] // groups, kernel, kernel))
        return F.conv2d(x, w, self.get(f"{name}/bias", (filters,)), **options)

    def norm(self, x, name, channels):
        return (x, self.get(f"{name}/scale", (channels,)), self.get(f"{name}/bias", (channels,)))


def depthwise(b):
    """MobileNet: widen, depthwise with stride, narrow; Relu6, hard-swish, squeeze and excite."""
    x = F.relu6(b.conv(b.input, "widen", 12, 1) * 3)
    x = F.hardswish(b.conv(x, "depthwise", 12, 3, stride=2, padding=1, groups=12))
    x = F.hardswish(b.conv(x, "depthwise2", 12, 5, padding=2, groups=12))
    gate = F.hardsigmoid(b.conv(F.relu(b.conv(x.mean((2, 3), keepdim=True), "squeeze", 3, 1)), "excite", 12, 1))
    return b.conv(x * gate, "narrow", 8, 1)


def pools(b):
    """ResNet's stem and GoogLeNet's pools: windows overlap, padding, rounding up."""
    x = F.max_pool2d(F.relu(b.conv(b.input, "stem", 6, 3, padding=1)), 3, 2, 1)
    x = F.local_response_norm(x, 5, alpha=0.5, beta=0.75, k=2)
    x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def transformer(b):
    """A vision transformer's block: layer norm, attention, gelu."""
    x = b.input
    n, tokens, width = x.shape
    y, scale, bias = b.norm(x, "norm1", width)
    y = F.layer_norm(y, (width,), scale, bias, 1e-5)
    q, k, v = (y @ b.get(f"{name}/kernel", (width, width)) for name in ("query", "key", "value"))
    x = x + torch.softmax(q @ k.transpose(1, 2) * width**-0.5, 2) @ v
    y, scale, bias = b.norm(x, "norm2", width)
    y = F.layer_norm(y, (width,), scale, bias, 1e-5)
    return x + F.gelu(y @ b.get("up/kernel", (width, 2 * width))) @ b.get("down/kernel", (2 * width, width))


def grouped(b):
    """ResNeXt and its kin: groups with stride and dilation, group norm, silu, upsampling."""
    x = b.conv(b.input, "strided", 12, 3, stride=2, padding=1, groups=4)
    x, scale, bias = b.norm(x, "norm", 12)
    x = F.silu(F.group_norm(x, 3, scale, bias, 1e-5))
    x = b.conv(x, "dilated", 8, 3, padding=2, dilation=2, groups=2)
    x = F.conv_transpose2d(x, b.get("up/kernel", (8, 3, 4, 4)), stride=2, padding=1, groups=2)
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


CASES = {
    "depthwise": (depthwise, (2, 6, 9, 8)),
    "pools": (pools, (2, 3, 18, 17)),
    "transformer": (transformer, (2, 5, 12)),
    "grouped": (grouped, (2, 8, 9, 8)),
}


def record(name, build, shape):
    block = Block(name, shape)
    y = build(block)
    loss = (y.double() * signs(f"{name}/upstream", y)).sum()
    loss.backward()
    gradients = {
        key: [float(value.grad.double().norm()), float((value.grad.double() * signs(f"{key}/probe", value)).sum())]
        for key, value in block.values.items()
    }
    return {"shape": list(shape), "output": list(y.shape), "loss": float(loss), "gradients": gradients}


if __name__ == "__main__":
    blocks = {name: record(name, *case) for name, case in CASES.items()}
    path = golden.FOLDER / "blocks.json"
    path.write_text(json.dumps({"torch": torch.__version__, "blocks": blocks}, indent=1) + "\n")
    print(path.name)
