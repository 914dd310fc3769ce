"""Exports torchvision's classifiers as ONNX files with random weights, for test/slow/from-onnx.test.ts.

Usage: /usr/bin/python3 scripts/make-test-models.py FOLDER [NAME…]
Needs Debian's python3-torch and python3-torchvision. Prints one line for each file: its name and
whether it was written. Pictures are small and the transformers are cut down, so that all families
are tested in minutes; what matters is which operators an exporter writes, not how many.
"""
import sys
import warnings
from functools import partial

import torch
from torchvision import models as tv
from torch.nn import functional as F
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.maxvit import MaxVit
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vgg import make_layers

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
classes = 10


def plain(name, **options):
    return getattr(tv, name)(weights=None, num_classes=classes, **options)


def convnext():
    blocks = [CNBlockConfig(24, 48, 1), CNBlockConfig(48, 96, 1), CNBlockConfig(96, None, 2)]
    return ConvNeXt(blocks, layer_scale=0.5, num_classes=classes)


def vit():
    return tv.VisionTransformer(
        image_size=64, patch_size=16, num_layers=2, num_heads=3, hidden_dim=48, mlp_dim=96,
        num_classes=classes,
    )


def swin():
    return SwinTransformer(
        patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4],
        num_classes=classes,
    )


def vgg():
    """With few channels: three dense layers come after 7 × 7 places."""
    model = tv.VGG(make_layers([8, "M", 16, "M", 16, "M", 16, "M", 32, "M"], True))
    model.classifier = dense_layers(32 * 7 * 7)
    return model


def alexnet():
    """Its own first weights are so small that a step along them changes the winners of its pools."""
    model = tv.AlexNet()
    model.avgpool = torch.nn.AdaptiveAvgPool2d(1)
    model.classifier = dense_layers(256)
    for layer in model.features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    return model


def dense_layers(features):
    return torch.nn.Sequential(
        torch.nn.Dropout(), torch.nn.Linear(features, 32), torch.nn.ReLU(),
        torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, classes),
    )


def maxvit():
    return MaxVit(
        input_size=(64, 64), stem_channels=16, partition_size=2, block_channels=[16, 32],
        block_layers=[1, 1], head_dim=16, stochastic_depth_prob=0.0, num_classes=classes,
    )


class StandardizedConvolution(torch.nn.Conv2d):
    """As in networks without normalization (Brock et al. 2021)."""

    def __init__(self, *sizes):
        super().__init__(*sizes, padding=1)
        self.gain = torch.nn.Parameter(torch.ones(sizes[1]))

    def forward(self, x):
        kernel = F.batch_norm(
            self.weight.reshape(1, self.out_channels, -1), None, None, weight=self.gain,
            training=True, momentum=0.0, eps=1e-5,
        )
        return F.conv2d(x, kernel.reshape_as(self.weight), self.bias, padding=1)


class Blocks(torch.nn.Module):
    """What other families of networks are made of, one after the other, and two averaged heads."""

    def __init__(self, width=16):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, width, 4, 4)
        self.standardized = StandardizedConvolution(width, width, 3)
        blur = torch.tensor([[1.0, 2.0, 1.0]])
        self.register_buffer("blur", (blur.T @ blur / 16).repeat(width, 1, 1, 1))
        self.response = torch.nn.Parameter(torch.ones(width, 1, 1))
        self.channels = torch.nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.frequencies = torch.nn.Parameter(torch.rand(width // 2))
        self.power = torch.nn.Parameter(torch.tensor(3.0))
        self.head = torch.nn.Linear(width, classes)
        self.distilled = torch.nn.Linear(width, classes)

    def rotated(self, x):
        angles = torch.arange(float(x.shape[1]))[:, None] * self.frequencies
        sine, cosine = (torch.stack([f(angles)] * 2, -1).flatten(1) for f in (torch.sin, torch.cos))
        turned = torch.stack([-x[..., 1::2], x[..., ::2]], -1).reshape(x.shape)
        return x * cosine + turned * sine

    def forward(self, images):
        x = F.mish(self.standardized(self.stem(images)))
        # Places as sines, counted for each picture (Carion et al. 2020).
        places = torch.ones(x.shape[0], *x.shape[2:]).cumsum(1)
        x = x + places.sin()[:, None]
        # Blurred before it is made smaller (Zhang 2019).
        x = F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.blur, stride=2, groups=x.shape[1])
        # Global response normalization (Woo et al. 2023).
        norm = torch.norm(x, dim=(2, 3), keepdim=True)
        x = x + self.response * x * norm / (norm.mean(1, keepdim=True) + 1e-6)
        # Efficient channel attention (Wang et al. 2020).
        x = x * self.channels(x.mean((2, 3))[:, None]).sigmoid().reshape(*x.shape[:2], 1, 1)
        # Attention with rotary embeddings (Su et al. 2021).
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, -1)
        shares = (self.rotated(q) @ self.rotated(k).transpose(1, 2) / 4).softmax(-1)
        x = (shares @ v).transpose(1, 2).reshape(x.shape)
        # Generalized mean (Radenović et al. 2018).
        pooled = F.adaptive_avg_pool2d(F.softplus(x).pow(self.power), 1).pow(1 / self.power)
        tokens = pooled.flatten(1)
        return (self.head(tokens) + self.distilled(tokens * tokens)) / 2


parts = dict(aux_logits=False, init_weights=False)
# name: (how to make it, side of the picture, opset, whether the batch is left open)
specs = {
    "mobilenet_v2": (partial(plain, "mobilenet_v2"), 64, 17, True),
    "mobilenet_v2-opset10": (partial(plain, "mobilenet_v2"), 64, 10, True),
    "mobilenet_v3_small": (partial(plain, "mobilenet_v3_small"), 64, 17, True),
    "mobilenet_v3_small-opset12": (partial(plain, "mobilenet_v3_small"), 64, 12, True),
    "squeezenet1_1": (partial(plain, "squeezenet1_1"), 64, 17, True),
    "resnet18": (partial(plain, "resnet18"), 64, 17, True),
    "resnet18-opset7-batch1": (partial(plain, "resnet18"), 64, 7, False),
    "resnext50_32x4d": (partial(plain, "resnext50_32x4d"), 64, 17, True),
    "shufflenet_v2_x0_5": (partial(plain, "shufflenet_v2_x0_5"), 64, 17, True),
    "shufflenet_v2_x0_5-batch1": (partial(plain, "shufflenet_v2_x0_5"), 64, 13, False),
    "densenet121": (partial(plain, "densenet121"), 64, 17, True),
    "efficientnet_b0": (partial(plain, "efficientnet_b0"), 64, 17, True),
    "alexnet": (alexnet, 96, 17, True),
    "vgg-normalized": (vgg, 224, 17, True),
    "mnasnet0_5": (partial(plain, "mnasnet0_5"), 64, 17, True),
    "googlenet": (partial(plain, "googlenet", **parts), 64, 17, True),
    "inception_v3": (partial(plain, "inception_v3", **parts), 96, 17, True),
    "convnext": (convnext, 64, 17, True),
    "convnext-opset11": (convnext, 64, 11, True),
    "regnet_x_400mf": (partial(plain, "regnet_x_400mf"), 64, 17, True),
    "regnet_y_400mf": (partial(plain, "regnet_y_400mf"), 64, 17, True),
    "vit": (vit, 64, 17, True),
    "vit-opset13": (vit, 64, 13, True),
    "swin": (swin, 64, 17, True),
    "maxvit": (maxvit, 64, 17, True),
    "blocks": (Blocks, 32, 17, True),
    "blocks-opset12": (Blocks, 32, 12, True),
}


def enliven(model, side):
    """Gives every layer something to do: no zero weights, running statistics of real activations."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.abs().max() == 0:
                parameter.normal_(std=0.1)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
                module.reset_running_stats()
        model.train()
        for _ in range(2):
            model(torch.rand(8, 3, side, side))
    return model.eval()


for name in sys.argv[2:] or specs:
    make, side, opset, open_batch = specs[name]
    torch.manual_seed(0)
    axes = {"images": {0: "N"}, "logits": {0: "N"}} if open_batch else None
    try:
        torch.onnx.export(
            enliven(make(), side), torch.rand(1, 3, side, side), f"{sys.argv[1]}/{name}.onnx",
            opset_version=opset, input_names=["images"], output_names=["logits"], dynamic_axes=axes,
        )
        print(name, "written", flush=True)
    except Exception as error:  # An operator that this exporter cannot write at this opset.
        print(name, "not written:", str(error).splitlines()[0], flush=True)
