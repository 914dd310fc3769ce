#!/usr/bin/env python3
"""Writes test/golden/*.json: whole training steps of both architectures as PyTorch computes them.

Weights, pictures and dropout noise come from a formula that the tests evaluate too, so that no
weights need to be stored. Needs PyTorch (Debian: python3-torch) and NumPy:

    python3 scripts/make-golden.py
"""
import json
import math
import pathlib
import zlib

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "test" / "golden"
STEPS = 2


def uniform(name, size):
    """Numbers in [0, 1): a multiplicative hash of the index, shifted by the CRC-32 of the name."""
    index = np.arange(size, dtype=np.uint64)
    shift = np.uint64(zlib.crc32(name.encode()))
    mixed = (index * np.uint64(2654435761) + shift) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(15)
    mixed = (mixed * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(13)
    return mixed.astype(np.float64) / 2.0**32


def weight(name, shape):
    """Kernels: uniform with variance 2 / inputs. Scales near 1, everything else near 0."""
    values = 2 * uniform(name, int(np.prod(shape))) - 1
    if len(shape) > 1:
        values = values * math.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith("scale") or name.endswith("variance"):
        values = 1 + 0.1 * values
    else:
        values = 0.1 * values
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


class Network:
    """Creates weights by name at first use and remembers them in order."""

    def __init__(self):
        self.weights = {}
        self.statistics = {}

    def get(self, name, shape):
        if name not in self.weights:
            self.weights[name] = weight(name, shape).requires_grad_()
        return self.weights[name]

    def conv(self, x, name, filters, kernel=3, stride=1, bias=True):
        w = self.get(f"{name}/kernel", (filters, x.shape[1], kernel, kernel))
        b = self.get(f"{name}/bias", (filters,)) if bias else None
        return F.conv2d(x, w, b, stride=stride, padding=kernel // 2)

    def dense(self, x, name, units):
        return F.linear(x, self.get(f"{name}/kernel", (units, x.shape[1])), self.get(f"{name}/bias", (units,)))

    def norm(self, x, name):
        scale = self.get(f"{name}/scale", (x.shape[1],))
        bias = self.get(f"{name}/bias", (x.shape[1],))
        mean = x.mean((0, 2, 3))
        variance = x.var((0, 2, 3), unbiased=False)
        for suffix, batch in (("mean", mean), ("variance", variance)):
            key = f"{name}/{suffix}"
            old = self.statistics.get(key, weight(key, (x.shape[1],)))
            self.statistics[key] = 0.9 * old + 0.1 * batch.detach()
        shape = (1, -1, 1, 1)
        normalized = (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + 1e-5)
        return normalized * scale.view(shape) + bias.view(shape)


def article(net, images, noise):
    pooled = lambda x, name, filters: F.relu(F.max_pool2d(net.conv(x, name, filters), 2))
    x = images - 0.5
    x = pooled(x, "conv1", 32)
    x = pooled(x, "conv2", 32)
    x = F.relu(net.conv(x, "conv3", 64))
    x = pooled(x, "conv4", 64)
    x = F.relu(net.dense(x.flatten(1), "dense1", 1024))
    x = x * (noise > 0.4) / 0.6
    return net.dense(x, "logits", 2)


def compact(net, images, noise):
    def unit(x, name, filters, kernel=3, stride=1, linear=False):
        y = net.norm(net.conv(x, f"{name}/conv", filters, kernel, stride, bias=False), f"{name}/norm")
        return y if linear else F.relu(y)

    x = unit((images - 0.45) * 4, "stem", 32, stride=2, linear=True)
    for index, filters in enumerate((32, 64, 128, 256)):
        x = F.relu(F.max_pool2d(x, 2))
        shortcut = unit(x, f"block{index + 1}/shortcut", filters, kernel=1, linear=True)
        first = unit(x, f"block{index + 1}/first", filters)
        second = unit(first, f"block{index + 1}/second", filters, linear=True)
        x = second + shortcut
    return net.dense(F.relu(x).mean((2, 3)), "logits", 2)


CASES = {
    "article": dict(
        build=article, batch=16, size=224, channels=1, rate=0.001, smoothing=0.0,
        optimizer=lambda weights, rate: torch.optim.Adam(weights, rate, betas=(0.9, 0.999), eps=1e-8),
    ),
    "compact": dict(
        build=compact, batch=16, size=96, channels=3, rate=0.003, smoothing=0.1,
        optimizer=lambda weights, rate: torch.optim.AdamW(
            [
                {"params": [w for w in weights if w.dim() > 1], "weight_decay": 0.05},
                {"params": [w for w in weights if w.dim() <= 1], "weight_decay": 0.0},
            ],
            rate, betas=(0.9, 0.999), eps=1e-8,
        ),
    ),
}


def norms(tensors):
    return {name: float(t.detach().double().norm()) for name, t in tensors.items()}


def record(name, build, batch, size, channels, rate, smoothing, optimizer):
    net = Network()
    steps = []
    stepper = None
    for step in range(STEPS):
        levels = np.floor(uniform(f"pixels{step}", batch * size * size * channels) * 256)
        pixels = torch.from_numpy(levels.astype(np.float32).reshape(batch, size, size, channels))
        noise = torch.from_numpy(uniform(f"noise{step}", batch * 1024).astype(np.float32).reshape(batch, 1024))
        logits = build(net, pixels.permute(0, 3, 1, 2) / 255, noise)
        if stepper is None:
            stepper = optimizer(list(net.weights.values()), rate)
        labels = torch.arange(batch) % 2
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        stepper.zero_grad()
        loss.backward()
        gradients = norms({key: value.grad for key, value in net.weights.items()})
        stepper.step()
        steps.append({"loss": float(loss), "logits": logits.detach().flatten().tolist(), "gradientNorms": gradients})
    return {
        "torch": torch.__version__, "architecture": name, "batchSize": batch, "imageSize": size,
        "learningRate": rate, "labelSmoothing": smoothing, "steps": steps,
        "weightNorms": norms({**net.weights, **net.statistics}),
    }


if __name__ == "__main__":
    torch.manual_seed(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        path = FOLDER / f"{name}-steps.json"
        path.write_text(json.dumps(record(name, **case), indent=1) + "\n")
        print(path.name)
