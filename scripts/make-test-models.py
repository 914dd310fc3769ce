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
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.swin_transformer import SwinTransformer

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
    "mnasnet0_5": (partial(plain, "mnasnet0_5"), 64, 17, True),
    "googlenet": (partial(plain, "googlenet", **parts), 64, 17, True),
    "inception_v3": (partial(plain, "inception_v3", **parts), 96, 17, True),
    "convnext": (convnext, 64, 17, True),
    "convnext-opset11": (convnext, 64, 11, True),
    "regnet_y_400mf": (partial(plain, "regnet_y_400mf"), 64, 17, True),
    "vit": (vit, 64, 17, True),
    "vit-opset13": (vit, 64, 13, True),
    "swin": (swin, 64, 17, True),
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
