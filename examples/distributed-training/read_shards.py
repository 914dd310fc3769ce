"""Reads the WebDataset shards of `relearn dataset export` with Python's own tarfile.

The manifest names every shard with its hash; an index over all shards lets any process read any
picture, so that pictures are shuffled over the whole set and not within a shard.
"""
import hashlib
import io
import json
import os
import tarfile

import numpy
import torch
from PIL import Image
from torch.utils.data import Dataset


def read_manifest(folder):
    """The manifest and the SHA-256 of its bytes, by which a trained model names its data."""
    with open(os.path.join(folder, "manifest.json"), "rb") as file:
        content = file.read()
    manifest = json.loads(content)
    if manifest["formatVersion"] != 1 or manifest["format"] != "webdataset":
        raise SystemExit("Export the data set with --format webdataset.")
    return manifest, hashlib.sha256(content).hexdigest()


def verify(folder, manifest):
    """Stops where a shard is not the file that the manifest names."""
    for shard in manifest["shards"]:
        digest = hashlib.sha256()
        with open(os.path.join(folder, shard["name"]), "rb") as file:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                digest.update(chunk)
        if digest.hexdigest() != shard["sha256"]:
            raise SystemExit(f"{shard['name']} is damaged: export or copy it again.")


class ShardPictures(Dataset):
    """float32 [3, size, size] in 0..1 and the class index, in the order of the shards."""

    def __init__(self, folder, manifest, split, size, mirror=False):
        self.size = size
        self.mirror = mirror
        self.places = []  # (shard, offset, length, class)
        for shard in manifest["shards"]:
            if shard["split"] != split:
                continue
            path = os.path.join(folder, shard["name"])
            pictures, classes = {}, {}
            with tarfile.open(path) as archive:
                for member in archive:
                    key, _, kind = member.name.partition(".")
                    if kind == "jpg":
                        pictures[key] = (member.offset_data, member.size)
                    elif kind == "cls":
                        classes[key] = int(archive.extractfile(member).read())
            if len(pictures) != shard["count"] or pictures.keys() != classes.keys():
                raise SystemExit(f"{shard['name']} does not hold what its manifest says.")
            self.places += [(path, *pictures[key], classes[key]) for key in pictures]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, number):
        path, offset, length, label = self.places[number]
        with open(path, "rb") as file:
            file.seek(offset)
            picture = Image.open(io.BytesIO(file.read(length))).convert("RGB")
        # Squeezed like in Relearn: nothing is cut away.
        pixels = numpy.asarray(picture.resize((self.size, self.size), Image.LANCZOS))
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
        if self.mirror and torch.rand(()) < 0.5:
            image = image.flip(2)
        return image, label
