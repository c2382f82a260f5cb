"""`PictureLoader` and `PictureRows`: centre crops, random crops, and what is kept decoded."""

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from keras_xmr.transforms import PictureLoader, PictureRows, load_picture, pictures

SIZE, RESIZED = 5, 8
LOADER = PictureLoader(SIZE, RESIZED)


def rng(seed=0):
    return np.random.default_rng(seed)


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return file.getvalue()


def numbered(seed=0):
    """A picture of the resized size, so that its pixels stay as they are, all different."""
    values = rng(seed).permutation(256)[: RESIZED * RESIZED].astype("uint8")
    return np.repeat(values.reshape(RESIZED, RESIZED, 1), 3, axis=2)


PIXELS = [numbered(seed) for seed in range(6)]
ITEMS = [encoded(pixels) for pixels in PIXELS]


def all_crops(pixels, size=SIZE):
    """Bytes of every crop, upright and mirrored, to its place."""
    places = range(len(pixels) - size + 1)
    crops = {(t, n, False): pixels[t : t + size, n : n + size] for t in places for n in places}
    crops |= {(t, n, True): crop[:, ::-1] for (t, n, _), crop in crops.items()}
    return {crop.tobytes(): place for place, crop in crops.items()}


def test_centre_crops_are_those_of_load_picture():
    photograph = encoded(rng().integers(256, size=(300, 400, 3), dtype="uint8"))
    loader = PictureLoader()
    assert loader.shape == (224, 224, 3)
    found = loader.fit([photograph])([photograph, ITEMS[0]])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[0], load_picture(photograph))
    np.testing.assert_array_equal(found[1], load_picture(ITEMS[0]))


def test_the_centre_is_the_same_part_of_every_picture():
    found = LOADER(ITEMS)
    assert found.shape == (6, SIZE, SIZE, 3)
    for crop, pixels in zip(found, PIXELS, strict=True):
        np.testing.assert_array_equal(crop, pixels[1:6, 1:6])


def test_random_crops_are_parts_of_their_picture_everywhere_and_half_mirrored():
    drawn = LOADER.augmented(ITEMS[:1] * 4000, rng())
    place_of = all_crops(PIXELS[0])
    places = [place_of[crop.tobytes()] for crop in drawn]
    found, counts = np.unique(places, axis=0, return_counts=True)
    assert len(found) == 2 * (RESIZED - SIZE + 1) ** 2
    # 125 of each are expected; five standard deviations are 55.
    assert counts.min() > 70
    assert counts.max() < 180


def test_without_mirroring_no_picture_is_mirrored():
    loader = PictureLoader(SIZE, RESIZED, mirror=False)
    place_of = all_crops(PIXELS[0])
    mirrored = [place_of[c.tobytes()][2] for c in loader.augmented(ITEMS[:1] * 50, rng())]
    assert not any(mirrored)


def test_the_same_generator_gives_the_same_crops_from_any_thread():
    wanted = [LOADER.augmented(ITEMS, rng(seed)) for seed in range(20)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: LOADER.augmented(ITEMS, rng(seed)), range(20)))
    np.testing.assert_array_equal(found, wanted)
    assert (wanted[0] != wanted[1]).any()


def test_each_picture_is_cropped_on_its_own():
    places = {
        all_crops(pixels)[crop.tobytes()]
        for pixels, crop in zip(PIXELS * 5, LOADER.augmented(ITEMS * 5, rng()), strict=True)
    }
    assert len(places) > 10


def test_crops_of_the_whole_picture_are_the_picture():
    loader = PictureLoader(RESIZED, RESIZED, mirror=False)
    np.testing.assert_array_equal(loader(ITEMS), PIXELS)
    np.testing.assert_array_equal(loader.augmented(ITEMS, rng()), PIXELS)


def test_no_pictures_are_an_empty_batch():
    assert LOADER([]).shape == LOADER.augmented([], rng()).shape == (0, SIZE, SIZE, 3)


def test_paths_and_arrays_of_paths_are_items(tmp_path):
    (tmp_path / "a.png").write_bytes(ITEMS[0])
    wanted = LOADER(ITEMS[:1])
    for items in ([tmp_path / "a.png"], np.array([str(tmp_path / "a.png")])):
        np.testing.assert_array_equal(LOADER(items), wanted)


def test_config_and_state_survive_json():
    loader = PictureLoader(6, 9, mirror=False)
    config, state = json.loads(json.dumps([loader.get_config(), loader.get_state()]))
    again = PictureLoader(**config)
    again.set_state(state)
    assert (again.size, again.resized, again.mirror) == (6, 9, False)
    assert again.get_config() == config == loader.get_config()


@pytest.mark.parametrize(("size", "resized"), [(224, 256), (227, 259), (7, 8)])
def test_the_usual_margin_grows_with_the_size(size, resized):
    loader = PictureLoader.for_size(size)
    assert (loader.size, loader.resized) == (size, resized)


@pytest.mark.parametrize(("size", "resized"), [(0, 4), (5, 4)])
def test_crops_must_fit(size, resized):
    with pytest.raises(ValueError, match=rf"Received: size={size}, resized={resized}\. Choose"):
        PictureLoader(size, resized)


def test_an_unreadable_picture_is_named(tmp_path):
    (tmp_path / "bad.png").write_bytes(ITEMS[0][:40])
    items = [ITEMS[0], tmp_path / "bad.png"]
    for decode in (LOADER, lambda items: LOADER.augmented(items, rng())):
        with pytest.raises(OSError, match=r"bad\.png"):
            decode(items)


@pytest.fixture
def decoded(monkeypatch):
    """Items that were decoded, in order."""
    found, lock = [], threading.Lock()
    decode = pictures.resized_picture

    def counting(item, *arguments):
        with lock:
            found.append(item)
        return decode(item, *arguments)

    monkeypatch.setattr(pictures, "resized_picture", counting)
    return found


@pytest.mark.parametrize("keep", [0, 3 * RESIZED**2 * 2, 10**6])
def test_rows_are_the_loaders_pictures_however_many_are_kept(keep):
    rows = np.array([4, 0, 4, 5])
    items = [ITEMS[row] for row in rows]
    upright = PictureRows(ITEMS, LOADER, augment=False, keep=keep)
    random = PictureRows(ITEMS, LOADER, augment=True, keep=keep)
    assert len(upright) == len(random) == 6
    for seed in range(3):
        np.testing.assert_array_equal(upright.draw(rows, rng(seed)), LOADER(items))
        np.testing.assert_array_equal(
            random.draw(rows, rng(seed)), LOADER.augmented(items, rng(seed))
        )


def test_kept_pictures_are_decoded_once(decoded):
    rows = PictureRows(ITEMS, LOADER, augment=True)
    for epoch in range(3):
        rows.draw(np.array([3, 1, 3]), rng(epoch))
        rows.draw(np.array([0, 3]), rng(epoch))
    assert sorted(decoded) == sorted(ITEMS[row] for row in (3, 1, 0))


def test_memory_is_bounded(decoded):
    # Room for two pictures and a bit.
    rows = PictureRows(ITEMS, LOADER, augment=True, keep=3 * RESIZED**2 * 2 + 100)
    for epoch in range(3):
        for start in (0, 3):
            rows.draw(np.arange(start, start + 3), rng(epoch))
    assert len(decoded) == 6 + 4 + 4
    assert sum(kept.nbytes for kept in rows._kept.values()) == 3 * RESIZED**2 * 2
    assert all(kept.base is None for kept in rows._kept.values())


def test_of_pictures_that_are_not_augmented_the_centre_is_kept(decoded):
    photograph = encoded(rng().integers(256, size=(50, 33, 3), dtype="uint8"))
    # Room for the centre, though not for the whole.
    rows = PictureRows([photograph], LOADER, augment=False, keep=3 * RESIZED**2 - 1)
    wanted = LOADER([photograph])
    for _ in range(2):
        np.testing.assert_array_equal(rows.draw(np.array([0, 0]), rng()), np.repeat(wanted, 2, 0))
    assert len(decoded) == 2
    assert rows.draw(np.array([], dtype=int), rng()).shape == (0, SIZE, SIZE, 3)


def test_threads_draw_the_same_and_keep_within_bounds():
    rows = PictureRows(ITEMS, LOADER, augment=True, keep=3 * RESIZED**2 * 3)
    batches = [rng(seed).integers(6, size=4) for seed in range(60)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: rows.draw(batches[i], rng(i)), range(60)))
    for seed, batch in enumerate(batches):
        wanted = LOADER.augmented([ITEMS[row] for row in batch], rng(seed))
        np.testing.assert_array_equal(found[seed], wanted)
    assert len(rows._kept) == 3


def test_an_augmentation_follows_the_crops():
    rows = PictureRows(ITEMS, LOADER, True, lambda batch: 255 - batch)
    wanted = 255 - LOADER.augmented(ITEMS[:2], rng())
    np.testing.assert_array_equal(rows.draw(np.arange(2), rng()), wanted)


def test_an_augmentation_may_be_a_keras_layer():
    import keras

    rows = PictureRows(ITEMS, LOADER, True, keras.layers.Rescaling(2.0))
    drawn = rows.draw(np.arange(2), rng())
    assert type(drawn) is np.ndarray
    np.testing.assert_allclose(drawn, 2.0 * LOADER.augmented(ITEMS[:2], rng()))
