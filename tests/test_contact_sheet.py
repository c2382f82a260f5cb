"""A contact sheet shows pictures as the model saw them."""

import numpy as np
from PIL import Image

from keras_xmr.contact_sheet import CAPTION, TILE, contact_sheet


def test_sixteen_bits_floats_and_transparency_are_seen(tmp_path):
    half = np.full((64, 64), 128)
    pictures = {
        "bits.png": Image.fromarray((half * 257).astype("uint16")),
        "float.tif": Image.fromarray((half / 255).astype("float32")),
        "grey.png": Image.new("L", (64, 64), 128),
        # Black at half its strength, on white.
        "seen.png": Image.new("LA", (64, 64), (0, 127)),
        "nothing.png": Image.new("RGBA", (64, 64), (128, 128, 128, 0)),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
    files = [tmp_path / name for name in pictures]
    sheet = contact_sheet(files, [file.name for file in files], "all of them")
    middles = [sheet.getpixel((TILE * n + TILE // 2, CAPTION + TILE // 2)) for n in range(5)]
    assert middles == [(128, 128, 128)] * 5
