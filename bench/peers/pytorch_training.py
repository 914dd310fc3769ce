"""One PyTorch training step of `article` or `compact`, repeated; prints seconds a step as JSON.

python3 pytorch_training.py NETWORK BATCH STEPS THREADS — or `sgemm SIZE REPEATS THREADS` for the
matrix-product roofline of the same BLAS.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

name, first, repeats, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(0)


class Article(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv4 = nn.Conv2d(64, 64, 3, padding=1)
        self.dense1 = nn.Linear(50176, 1024)
        self.logits = nn.Linear(1024, 2)

    def forward(self, images):
        x = F.relu(F.max_pool2d(self.conv1(images - 0.5), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.conv3(x))
        x = F.relu(F.max_pool2d(self.conv4(x), 2))
        x = F.relu(self.dense1(x.flatten(1)))
        return self.logits(F.dropout(x, 0.4, self.training))


def unit(inputs, filters, kernel=3, stride=1, linear=False):
    layers = [
        nn.Conv2d(inputs, filters, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(filters),
    ]
    return nn.Sequential(*layers, *([] if linear else [nn.ReLU()]))


class Block(nn.Module):
    def __init__(self, inputs, filters):
        super().__init__()
        self.shortcut = unit(inputs, filters, kernel=1, linear=True)
        self.first = unit(inputs, filters)
        self.second = unit(filters, filters, linear=True)

    def forward(self, x):
        x = F.relu(F.max_pool2d(x, 2))
        return self.second(self.first(x)) + self.shortcut(x)


class Compact(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = unit(3, 32, stride=2, linear=True)
        self.blocks = nn.Sequential(Block(32, 32), Block(32, 64), Block(64, 128), Block(128, 256))
        self.logits = nn.Linear(256, 2)

    def forward(self, images):
        x = self.blocks(self.stem((images - 0.45) * 4))
        return self.logits(F.relu(x).mean((2, 3)))


def training_step():
    network, channels, size = (Article(), 1, 224) if name == "article" else (Compact(), 3, 96)
    make = torch.optim.Adam if name == "article" else torch.optim.AdamW
    optimizer = make(network.parameters(), 1e-4)
    pixels = torch.randint(0, 256, (first, size, size, channels), dtype=torch.uint8)
    labels = torch.arange(first) % 2

    def step():
        optimizer.zero_grad()
        images = pixels.permute(0, 3, 1, 2).float() / 255
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

    return step


def product():
    a, b = torch.rand(first, first), torch.rand(first, first)
    return lambda: a @ b


step = product() if name == "sgemm" else training_step()
seconds = []
for _ in range(repeats):
    started = time.perf_counter()
    step()
    seconds.append(time.perf_counter() - started)
print(json.dumps({"torch": torch.__version__, "seconds": seconds}))
