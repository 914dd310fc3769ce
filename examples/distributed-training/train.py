"""Trains an image classifier in several processes on what `relearn dataset export` wrote.

    python3 train.py --processes 2 shards/ model.onnx

Data parallel: every process holds the whole network and a share of each batch; their gradients are
averaged before each step (torch.distributed, gloo), so that all of them stay the same. The process
of rank 0 writes the ONNX file that `relearn models submit` takes.
"""
import argparse
import io
import json
import os
import tempfile

import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

from read_shards import ShardPictures, read_manifest, verify


def unit(inputs, filters, kernel=3, stride=1):
    convolution = nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters))


class Block(nn.Module):
    """Half the picture, then two convolutions beside a 1x1 shortcut."""

    def __init__(self, inputs, filters):
        super().__init__()
        self.shortcut = unit(inputs, filters, kernel=1)
        self.first = unit(inputs, filters)
        self.second = unit(filters, filters)

    def forward(self, x):
        x = torch.relu(nn.functional.max_pool2d(x, 2))
        return self.second(torch.relu(self.first(x))) + self.shortcut(x)


class Compact(nn.Module):
    """The layers of Relearn's own `compact`. Pictures in 0..1 come in, logits go out."""

    def __init__(self, classes):
        super().__init__()
        sizes = [32, 32, 64, 128, 256]
        self.stem = unit(3, sizes[0], stride=2)
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in zip(sizes, sizes[1:])))
        self.logits = nn.Linear(sizes[-1], classes)

    def forward(self, images):
        x = self.blocks(self.stem((images - 0.45) * 4))
        return self.logits(torch.relu(x).mean((2, 3)))


def largest_difference(model):
    """Of any gradient between this process and rank 0: nothing, where they were averaged."""
    own = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    first = own.clone()
    distributed.broadcast(first, 0)
    difference = (own - first).abs().max()
    distributed.all_reduce(difference, distributed.ReduceOp.MAX)
    return difference.item()


def accuracy(model, loader):
    """Over all processes; None where there is no validation picture."""
    model.eval()
    counts = torch.zeros(2)
    with torch.no_grad():
        for images, labels in loader:
            right = (model(images).argmax(1) == labels).sum()
            counts += torch.tensor([right, len(labels)])
    model.train()
    distributed.all_reduce(counts)
    return (counts[0] / counts[1]).item() if counts[1] > 0 else None


def protobuf_field(number, content):
    """One field of wire type 2 (bytes), as protobuf writes it."""
    length, head = len(content), bytearray([number << 3 | 2])
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes(head) + bytes([length]) + content


def write_onnx(model, path, size, notes):
    """Notes go into the file's metadata (field 14 of ModelProto): a message grows by appending."""
    buffer = io.BytesIO()
    torch.onnx.export(
        model.eval(), torch.zeros(1, 3, size, size), buffer, opset_version=17,
        input_names=["images"], output_names=["logits"],
        dynamic_axes={"images": {0: "N"}, "logits": {0: "N"}},
    )
    for name, value in notes.items():
        entry = [name.encode(), json.dumps(value).encode()]
        buffer.write(protobuf_field(14, protobuf_field(1, entry[0]) + protobuf_field(2, entry[1])))
    with open(path + ".partial", "wb") as file:
        file.write(buffer.getvalue())
    os.replace(path + ".partial", path)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", help="folder of relearn dataset export --format webdataset")
    parser.add_argument("out", help="where to write the ONNX file")
    parser.add_argument("--processes", type=int, default=2, help="on this machine; torchrun says it itself")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64, help="pictures of all processes together")
    parser.add_argument("--learning-rate", type=float, default=0.006)
    parser.add_argument("--image-size", type=int, help="default: the store's")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def train(options):
    rank, processes = distributed.get_rank(), distributed.get_world_size()
    say = print if rank == 0 else lambda *_: None
    manifest, dataset = read_manifest(options.shards)
    if rank == 0:
        verify(options.shards, manifest)
    distributed.barrier()

    torch.manual_seed(options.seed)  # the same fresh weights everywhere
    size = options.image_size or manifest["preprocessing"]["imageSize"]
    model = Compact(len(manifest["labels"]))
    parallel = DistributedDataParallel(model)
    torch.manual_seed(options.seed + rank)  # but each its own mirror images

    pictures = ShardPictures(options.shards, manifest, "train", size, mirror=True)
    validation = ShardPictures(options.shards, manifest, "validation", size)
    sampler = DistributedSampler(pictures, seed=options.seed)
    share = max(2, options.batch_size // processes)
    batches = DataLoader(pictures, share, sampler=sampler, drop_last=len(sampler) > share)
    # Every picture once, whatever the number of processes.
    own = torch.utils.data.Subset(validation, range(rank, len(validation), processes))
    judges = DataLoader(own, share)

    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=options.epochs * len(batches), pct_start=0.15
    )
    say(f"{processes} processes, {len(pictures)} pictures, {len(sampler)} in each, batches of {share}")
    best, best_weights = -1.0, None
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        total = torch.zeros(1)
        for step, (images, labels) in enumerate(batches):
            loss = nn.functional.cross_entropy(parallel(images), labels, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            if epoch == 0 and step == 0:
                say(f"gradients differ between processes by {largest_difference(model)}")
            optimizer.step()
            schedule.step()
            total += loss.detach()
        distributed.all_reduce(total)
        # Running statistics of batch normalization are each process's own until here.
        for statistic in model.buffers():
            if statistic.is_floating_point():
                distributed.all_reduce(statistic)
                statistic /= processes
        measured = accuracy(model, judges)
        shown = "-" if measured is None else f"{measured:.4f}"
        say(f"epoch {epoch + 1}: loss {total.item() / processes / len(batches):.4f}, accuracy {shown}")
        if measured is None or measured >= best:
            best = measured or 0.0
            best_weights = {name: value.clone() for name, value in model.state_dict().items()}

    if rank == 0:
        model.load_state_dict(best_weights)
        write_onnx(model, options.out, size, {
            "relearn.labels": manifest["labels"],
            "relearn.preprocessing": {"width": size, "height": size, "channels": 3, "fit": "fill"},
            "relearn.dataset": dataset,
        })
        say(f"wrote {options.out}")
    distributed.barrier()
    distributed.destroy_process_group()



def local_process(rank, options, meeting):
    """One of the processes that this script starts by itself; they meet at a file."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // options.processes))
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=options.processes
    )
    train(options)


def main():
    options = parse()
    if "RANK" in os.environ:  # torchrun has started this process and says where the others are
        distributed.init_process_group("gloo")
        train(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = os.path.join(folder, "meeting")
        multiprocessing.spawn(local_process, (options, meeting), nprocs=options.processes)


if __name__ == "__main__":
    main()
