"""Presets: whole or not at all, verified before use, and readable by a person."""

import ast
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import keras_xmr
from keras_xmr import CHTN, CrossModalModel, SemanticMatching, presets
from keras_xmr.datasets import toy

FILES = ["README.md", "config.json", "metadata.json", "model.weights.h5", "preprocessor.json"]
HASHED = ["config.json", "preprocessor.json", "model.weights.h5"]
METADATA = {"data": "toy", "split": "train", "figures": {"MAP@all": 0.5}, "remark": "fünf"}
CLASSES = {"chtn": CHTN, "semantic_matching": SemanticMatching}


def chtn(data, preprocessor=None):
    """A CHTN whose every weight, running statistics included, is far from its initial value."""
    model = CHTN.for_data(
        data,
        toy(["image"], num_classes=3),
        pathway_units=(8, 7),
        shared_units=(6, 5),
        shared_bn=True,
        dropout=0.1,
        seed=0,
    )
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, w.shape).astype(w.dtype) if w.dtype.kind == "f" else w
            for w in model.get_weights()
        ]
    )
    return model


@pytest.fixture(scope="module")
def data():
    return toy()


@pytest.fixture(scope="module")
def models(data):
    return {"chtn": chtn(data), "semantic_matching": SemanticMatching().fit(data)}


@pytest.fixture(scope="module")
def saved(models, tmp_path_factory):
    root = tmp_path_factory.mktemp("presets")
    for kind, model in models.items():
        model.save_to_preset(root / kind, metadata=METADATA)
    return root


@pytest.fixture
def copies(saved, tmp_path):
    """Presets to damage."""
    shutil.copytree(saved, tmp_path / "copies")
    return tmp_path / "copies"


@pytest.fixture(params=CLASSES)
def kind(request):
    return request.param


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def weights_of(model):
    if isinstance(model, SemanticMatching):
        return [array for pair in model.weights.values() for array in pair]
    return model.get_weights()


def rewrite(folder, name, change):
    """Change a JSON file of a preset, and its hash with it."""
    facts = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    content = facts if name == "metadata.json" else json.loads((folder / name).read_text("utf-8"))
    change(content)
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    if name != "metadata.json":
        facts["sha256"][name] = presets._sha256(folder / name)
        (folder / "metadata.json").write_text(json.dumps(facts), encoding="utf-8")


def test_a_preset_brings_the_same_model_back(kind, models, saved, data):
    model, back = models[kind], CLASSES[kind].from_preset(saved / kind)
    assert type(back) is CLASSES[kind]
    assert back.get_config() == model.get_config()
    assert back.preprocessor.get_config() == model.preprocessor.get_config()
    for weight, stored in zip(weights_of(model), weights_of(back), strict=True):
        as_stored = weight.astype("float16").astype("float32") if weight.ndim >= 2 else weight
        np.testing.assert_array_equal(stored, as_stored)
    for medium in data.media:
        encoded = model.encode(data, medium)
        np.testing.assert_allclose(back.encode(data, medium), encoded, atol=1e-2)
        assert encoded.std() > 0


def test_all_bits_of_the_weights_are_kept_on_demand(kind, models, data, tmp_path):
    model = models[kind]
    folder = model.save_to_preset(tmp_path / "whole", precision="float32")
    back = CLASSES[kind].from_preset(folder)
    for weight, stored in zip(weights_of(model), weights_of(back), strict=True):
        np.testing.assert_array_equal(stored, np.asarray(weight, stored.dtype))
    for medium in data.media:
        np.testing.assert_array_equal(back.encode(data, medium), model.encode(data, medium))


def test_what_is_measured_as_stored_is_true_of_the_preset(kind, models, saved, data):
    stored, back = presets.as_stored(models[kind]), CLASSES[kind].from_preset(saved / kind)
    for medium in data.media:
        encoded = stored.encode(data, medium)
        np.testing.assert_array_equal(encoded, back.encode(data, medium))
    both = zip(weights_of(stored), weights_of(models[kind]), strict=True)
    assert any(np.any(one != other) for one, other in both)


def test_a_precision_that_there_is_not_is_refused(models, tmp_path):
    message = r"Matrices are stored in one of .* Received: precision='int8'\."
    with pytest.raises(ValueError, match=message):
        models["chtn"].save_to_preset(tmp_path / "x", precision="int8")
    assert not list(tmp_path.iterdir())


def test_a_path_may_be_a_string_and_the_class_may_be_left_open(kind, saved, monkeypatch):
    assert type(presets.load(f"{saved}/{kind}")) is CLASSES[kind]
    monkeypatch.chdir(saved)
    assert type(presets.load(f"./{kind}")) is CLASSES[kind]
    assert type(presets.load(Path(kind))) is CLASSES[kind]


def test_a_preset_of_a_sub_class_is_one_of_its_base_class(saved):
    assert type(CrossModalModel.from_preset(saved / "chtn")) is CHTN


def test_what_an_optimizer_remembers_is_left_out(data, tmp_path):
    model = CHTN.for_data(data, pathway_units=(4,), shared_units=(4,))
    model.compile("adam")
    model.train_on_batch(*model.batches(data, batch_size=4)[0])
    folder = model.save_to_preset(tmp_path / "trained")
    with h5py.File(folder / "model.weights.h5") as file:
        assert "layers" in file
        assert "optimizer" not in file
    loaded = CHTN.from_preset(folder)
    wanted = model.encode(data.part("test"), "text")
    np.testing.assert_allclose(loaded.encode(data.part("test"), "text"), wanted, atol=5e-3)


def test_a_model_without_a_preprocessor_can_be_saved(tmp_path):
    model = CHTN({"image": 3, "text": 2}, 4, pathway_units=(4, 4), shared_units=(4, 4))
    back = CHTN.from_preset(model.save_to_preset(tmp_path / "bare"))
    assert json.loads((tmp_path / "bare/preprocessor.json").read_text("utf-8")) is None
    assert back.preprocessor is None
    assert back.get_config() == model.get_config()


def test_saving_twice_gives_the_same_bytes(kind, models, saved, tmp_path):
    models[kind].save_to_preset(tmp_path / kind, metadata=METADATA)
    first, second = contents(saved / kind), contents(tmp_path / kind)
    assert sorted(first) == FILES
    assert first == second


def test_saving_what_was_loaded_gives_the_same_bytes(kind, saved, tmp_path):
    model = CLASSES[kind].from_preset(saved / kind)
    model.save_to_preset(tmp_path / kind, metadata=METADATA)
    assert contents(tmp_path / kind) == contents(saved / kind)


def test_matrices_are_float16_vectors_float32_and_nothing_tells_the_time(kind, saved):
    dtypes = {1: set(), 2: set()}

    def look(_, item):
        if isinstance(item, h5py.Dataset):
            if item.dtype.kind == "f":
                dtypes[item.ndim].add(str(item.dtype))
            assert h5py.h5g.get_objinfo(item.id).mtime == 0

    with h5py.File(saved / kind / "model.weights.h5") as file:
        file.visititems(look)
    assert dtypes == {1: {"float32"}, 2: {"float16"}}


def test_the_json_files_can_be_read_by_a_person(kind, saved):
    for name in ("config.json", "preprocessor.json", "metadata.json"):
        text = (saved / kind / name).read_text(encoding="utf-8")
        assert isinstance(json.loads(text), dict)
        assert text.count("\n") > 5
        assert text.endswith("\n")
    config = json.loads((saved / kind / "config.json").read_text("utf-8"))
    assert config["class_name"] == CLASSES[kind].__name__
    assert "preprocessor" not in config["config"]


def test_metadata_tell_versions_hashes_and_what_was_given(kind, saved):
    text = (saved / kind / "metadata.json").read_text(encoding="utf-8")
    assert "fünf" in text
    facts = presets.metadata(saved / kind)
    assert facts == json.loads(text)
    assert {name: facts[name] for name in METADATA} == METADATA
    assert facts["keras_xmr_version"] == keras_xmr.__version__
    assert facts["class_name"] == CLASSES[kind].__name__
    assert sorted(facts["sha256"]) == sorted(HASHED)


def test_the_card_is_the_one_given_or_a_plain_one(models, saved, tmp_path):
    plain = (saved / "semantic_matching/README.md").read_text(encoding="utf-8")
    assert plain.startswith("# semantic_matching\n\nA SemanticMatching model of keras_xmr ")
    models["semantic_matching"].save_to_preset(tmp_path / "preset", card="# Mine\n")
    assert (tmp_path / "preset/README.md").read_text(encoding="utf-8") == "# Mine\n"


def test_nothing_is_pickled(kind, saved):
    for name, content in contents(saved / kind).items():
        # Every pickle since protocol 2 starts so; what is no JSON and no text is HDF5.
        assert not content.startswith(b"\x80"), name
        if name.endswith(".h5"):
            assert content.startswith(b"\x89HDF")
        else:
            assert content.decode("utf-8")


def test_the_package_never_lets_numpy_unpickle():
    calls = 0
    for path in Path(keras_xmr.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                calls += 1
                allowed = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert allowed.get("allow_pickle", "False") == "False", path
    assert calls


@pytest.mark.parametrize("name", HASHED)
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_single_changed_byte_is_noticed(kind, name, place, copies):
    content = bytearray((copies / kind / name).read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    (copies / kind / name).write_bytes(content)
    message = rf"The file {name} of a preset must have the SHA-256 that metadata\.json gives"
    with pytest.raises(ValueError, match=message):
        CLASSES[kind].from_preset(copies / kind)


@pytest.mark.parametrize("change", [dict.clear, lambda facts: facts["sha256"].pop("config.json")])
def test_metadata_without_a_hash_do_not_pass(change, copies):
    rewrite(copies / "chtn", "metadata.json", change)
    with pytest.raises(ValueError, match=r"The file config\.json .* gives, None\. Received: "):
        CHTN.from_preset(copies / "chtn")


@pytest.mark.parametrize("name", [*HASHED, "metadata.json"])
def test_a_missing_file_is_named(name, copies):
    (copies / "chtn" / name).unlink()
    message = rf"A preset has the files \[.*\]\. Received: '.*chtn' without \['{name}'\]\."
    with pytest.raises(ValueError, match=message):
        CHTN.from_preset(copies / "chtn")


def test_a_card_is_not_needed(copies):
    (copies / "chtn/README.md").unlink()
    assert isinstance(CHTN.from_preset(copies / "chtn"), CHTN)


@pytest.mark.parametrize(
    ("kind", "other"), [("chtn", SemanticMatching), ("semantic_matching", CHTN)]
)
def test_a_preset_of_another_class_is_refused(kind, other, saved):
    message = (
        rf"Expected a preset of {other.__name__}\. "
        rf"Received: class_name='{CLASSES[kind].__name__}' in '.*{kind}'\."
    )
    with pytest.raises(ValueError, match=message):
        other.from_preset(saved / kind)


@pytest.mark.parametrize("class_name", ["Unknown", "os", "evaluate", "datasets", "Report"])
@pytest.mark.parametrize("expected", [None, CHTN])
def test_what_is_no_model_of_the_library_is_refused(class_name, expected, copies):
    rewrite(copies / "chtn", "config.json", lambda c: c.update(class_name=class_name))
    wanted = "a public class of keras_xmr" if expected is None else "CHTN"
    message = rf"Expected a preset of {wanted}\. Received: class_name='{class_name}'"
    with pytest.raises(ValueError, match=message):
        presets.load(copies / "chtn", expected=expected)


@pytest.mark.parametrize("name", ["./nowhere", "no/where", Path("nowhere"), Path("a_file"), ".."])
def test_a_path_must_be_a_preset_directory(name, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a_file").write_text("")
    monkeypatch.chdir(tmp_path / "in")
    message = (
        r"A preset path must be a directory\. Received: name='|A preset has the files .*'\.\.'"
    )
    with pytest.raises(ValueError, match=message):
        CHTN.from_preset(name)


def test_an_unknown_name_is_refused_with_those_there_are(monkeypatch, saved):
    monkeypatch.setattr(presets, "bundled_folder", lambda: saved)
    message = (
        r"Bundled presets are \['chtn', 'semantic_matching'\]; a directory is given by its path, "
        r"such as '\./mars'\. Received: name='mars'\."
    )
    with pytest.raises(ValueError, match=message):
        CHTN.from_preset("mars")


def test_a_bundled_preset_is_found_with_or_without_the_prefix_of_its_class(monkeypatch, copies):
    (copies / "chtn").rename(copies / "chtn_tiny")
    (copies / "semantic_matching").rename(copies / "semantic_matching_tiny")
    (copies / "no_preset").mkdir()
    monkeypatch.setattr(presets, "bundled_folder", lambda: copies)
    assert list(presets.bundled()) == ["chtn_tiny", "semantic_matching_tiny"]
    assert presets.bundled()["chtn_tiny"]["remark"] == "fünf"
    assert type(CHTN.from_preset("tiny")) is type(CHTN.from_preset("chtn_tiny")) is CHTN
    assert type(SemanticMatching.from_preset("tiny")) is SemanticMatching
    assert type(presets.load("semantic_matching_tiny")) is SemanticMatching
    with pytest.raises(ValueError, match="Expected a preset of CHTN"):
        CHTN.from_preset("semantic_matching_tiny")


def test_the_presets_that_come_with_the_library_are_listed_and_undamaged():
    folder = presets.bundled_folder()
    assert folder.is_dir()
    assert sorted(presets.bundled()) == sorted(p.name for p in folder.iterdir() if p.is_dir())
    for name, facts in presets.bundled().items():
        presets._verified_files(folder / name)
        assert hasattr(keras_xmr, facts["class_name"])


def test_a_preset_replaces_an_older_one_whole(models, copies):
    (copies / "chtn/left over").write_text("from before")
    models["semantic_matching"].save_to_preset(copies / "chtn")
    assert sorted(contents(copies / "chtn")) == FILES
    assert isinstance(presets.load(copies / "chtn"), SemanticMatching)
    assert sorted(path.name for path in copies.iterdir()) == ["chtn", "semantic_matching"]


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_nothing_but_a_preset_is_replaced(make, models, tmp_path):
    make(tmp_path / "mine")
    message = (
        r"A preset replaces nothing but a preset\. Received: path='.*mine', which exists and is "
        r"none\. Choose another path\."
    )
    with pytest.raises(FileExistsError, match=message):
        models["chtn"].save_to_preset(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


class Failing:
    """A model that writes half of its weights."""

    def get_config(self):
        return {"preprocessor": None}

    def save_weights(self, path):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")


@pytest.mark.parametrize("name", ["new", "chtn"])
def test_a_failure_half_way_leaves_everything_as_it_was(name, copies):
    before = {path.name: contents(path) for path in copies.iterdir()}
    with pytest.raises(OSError, match="disk full"):
        presets.save(Failing(), copies / name, metadata={}, card="")
    assert {path.name: contents(path) for path in copies.iterdir()} == before


def test_metadata_that_are_no_json_leave_everything_as_it_was(models, copies):
    before = contents(copies / "chtn")
    with pytest.raises(TypeError, match="not JSON serializable"):
        models["chtn"].save_to_preset(copies / "chtn", metadata={"seed": np.int64(1)})
    assert contents(copies / "chtn") == before
    assert len(list(copies.iterdir())) == 2


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep/er/file.npz"
    presets.save_whole(path, lambda draft: np.savez(draft, a=1))
    before = path.read_bytes()

    def fail(draft):
        draft.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        presets.save_whole(path, fail)
    assert contents(path.parent) == {"file.npz": before}
