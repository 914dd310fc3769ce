#!/usr/bin/env python3
"""Fine-tunes an imported ONNX classifier for a few steps in PyTorch, for test/slow/fine-tuning.test.ts.

    /usr/bin/python3 scripts/fine-tune-in-pytorch.py FILE.onnx FOLDER

The file's nodes are run one by one by the small interpreter below, up to the features; a new dense
head follows. FOLDER holds `task.json` (which weights learn, at which rate), `pixels<step>.bin` (uint8
[N,H,W,C]) and the head's first weights; written into it are `result.json` with each step's loss, and
each weight's first gradient and last value as float32 files. Needs Debian's python3-torch, python3-onnx.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


def tensor_of(array):
    return torch.from_numpy(array.copy())


def conv(x, weight, bias=None, *, kernel_shape, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), group=1):
    top, left, bottom, right = pads
    padded = F.pad(x, (left, right, top, bottom))
    return F.conv2d(padded, weight, bias, stride=strides, dilation=dilations, groups=group)


def max_pool(x, *, kernel_shape, pads=(0, 0, 0, 0), strides=(1, 1), ceil_mode=0):
    assert pads[0] == pads[2] and pads[1] == pads[3]
    return F.max_pool2d(x, kernel_shape, strides, padding=pads[:2], ceil_mode=bool(ceil_mode))


def gemm(a, b, c, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    assert alpha == beta == 1 and not transA
    return a @ (b.T if transB else b) + c


def hard_sigmoid(x, *, alpha=0.2, beta=0.5):
    return torch.clamp(alpha * x + beta, 0, 1)


OPERATORS = {
    "Add": torch.add,
    "Cast": lambda x, *, to: x.float(),
    "Clip": lambda x, low, high: torch.clamp(x, float(low), float(high)),
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
    "Constant": lambda *, value: tensor_of(numpy_helper.to_array(value)),
    "Conv": conv,
    "Flatten": lambda x, *, axis=1: x.flatten(axis),
    "Gemm": gemm,
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": lambda x: x * hard_sigmoid(x, alpha=1 / 6, beta=0.5),
    "Identity": lambda x: x,
    "MaxPool": max_pool,
    "Mul": torch.mul,
    "ReduceMean": lambda x, *, axes, keepdims=1: x.mean(tuple(axes), keepdim=bool(keepdims)),
    "Relu": F.relu,
    "Sigmoid": torch.sigmoid,
}


def features_of(graph):
    """The value that the last layer reads: by its name, else what the last Gemm multiplies."""
    if any(output.name == "features" for output in graph.output):
        return "features"
    return [node for node in graph.node if node.op_type == "Gemm"][-1].input[0]


def run(graph, images, learning, wanted):
    """Weights that learn are taken from `learning`, and put there where they are met first."""
    values = {graph.input[0].name: images, "": None}

    def remember(name, value):
        if name in learning["rates"]:
            value = learning["weights"].setdefault(name, value.detach().clone().requires_grad_())
        values[name] = value

    for stored in graph.initializer:
        remember(stored.name, tensor_of(numpy_helper.to_array(stored)))
    for node in graph.node:
        if not all(name in values for name in node.input):
            continue  # Depends on a second output that nobody wants.
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        result = OPERATORS[node.op_type](*(values[name] for name in node.input), **attributes)
        remember(node.output[0], result)
        if wanted in values:
            return values[wanted]
    raise SystemExit(f"{wanted} is not computed")


def main(file, folder):
    folder = pathlib.Path(folder)
    task = json.loads((folder / "task.json").read_text())
    graph = onnx.load(file).graph
    read = lambda name: tensor_of(np.fromfile(folder / f"{name}.bin", np.float32))
    n, size, classes = task["batchSize"], task["imageSize"], task["classes"]
    bias = read("logits-bias").requires_grad_()
    kernel = read("logits-kernel").reshape(classes, -1).requires_grad_()
    learning = {"rates": task["rates"], "weights": {}}
    wanted = features_of(graph)
    optimizer = None
    losses = []
    for step in range(task["steps"]):
        pixels = np.fromfile(folder / f"pixels{step}.bin", np.uint8).reshape(n, size, size, 3)
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        logits = run(graph, images, learning, wanted) @ kernel.T + bias
        loss = F.cross_entropy(logits, torch.arange(n) % classes)
        if optimizer is None:
            weights = {**learning["weights"], "logits/kernel": kernel, "logits/bias": bias}
            rates = {**task["rates"], "logits/kernel": 1, "logits/bias": 1}
            groups = [
                {
                    "params": [weight],
                    "lr": task["learningRate"] * rates[name],
                    "weight_decay": task["weightDecay"] if weight.dim() > 1 else 0,
                }
                for name, weight in weights.items()
            ]
            optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)
        optimizer.zero_grad()
        loss.backward()
        losses.append(float(loss))
        if step == 0:
            gradients = {name: weight.grad.clone() for name, weight in weights.items()}
        optimizer.step()
    names = list(weights)
    for index, name in enumerate(names):
        gradients[name].numpy().tofile(folder / f"gradient{index}.bin")
        weights[name].detach().numpy().tofile(folder / f"weight{index}.bin")
    (folder / "result.json").write_text(json.dumps({"losses": losses, "weights": names}))


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:])
