"""Which network it is: a hash of what it computes."""

import hashlib
import json
from typing import Any

import keras
import numpy as np

# What says how a layer was made, trained or named, and not what it computes from its weights.
IGNORED = ("build_config", "compile_config", "module", "name", "registered_name", "trainable")
IGNORED_ENDINGS = ("_initializer", "_regularizer", "_constraint")


def trunk_fingerprint(trunk: keras.Model) -> str:
    """SHA-256 over the architecture and every weight of a network.

    It is the same for the same network in another process and on another backend, whatever its
    layers are called there, and whether or not they are trainable: features that were computed by
    one can be used with the other. Anything that would change them changes the fingerprint.

    Args:
        trunk: A functional model.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> pixels = keras.Input((8, 8, 3))
        >>> trunk = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))
        >>> len(trunk_fingerprint(trunk))
        64
        >>> trunk_fingerprint(trunk) == trunk_fingerprint(keras.models.clone_model(trunk))
        True
    """
    architecture = _anonymous(keras.saving.serialize_keras_object(trunk), {})
    digest = hashlib.sha256(json.dumps(architecture, sort_keys=True).encode())
    for weight in trunk.weights:
        array = keras.ops.convert_to_numpy(weight)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _anonymous(node: Any, numbers: dict[str, int]) -> Any:
    """A serialised object without the names of layers: the graph's edges give their numbers."""
    if isinstance(node, list | tuple):
        return [_anonymous(item, numbers) for item in node]
    if not isinstance(node, dict):
        return node
    if "input_layers" in node:
        numbers = {layer["name"]: number for number, layer in enumerate(node["layers"])}
    return {
        key: _numbered(value, numbers)
        if key in ("input_layers", "output_layers", "keras_history")
        else _anonymous(value, numbers)
        for key, value in node.items()
        if _matters(key, node)
    }


def _matters(key: str, node: dict[str, Any]) -> bool:
    # The name of a policy is its number format.
    is_policy = set(node) == {"name"}
    return is_policy or not (key in IGNORED or key.endswith(IGNORED_ENDINGS))


def _numbered(node: Any, numbers: dict[str, int]) -> Any:
    """Lists `[layer, node, tensor]`, or lists of them, with the layer's number for its name."""
    if isinstance(node, list | tuple):
        return [_numbered(item, numbers) for item in node]
    return numbers[node] if isinstance(node, str) else node
