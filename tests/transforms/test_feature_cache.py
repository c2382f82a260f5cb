"""`FeatureCache`: what is written is read, by many processes, after kills, or damage is said."""

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from keras_xmr.transforms.feature_cache import DamagedCacheError, FeatureCache, cache_folder

DIM = 40


def digest(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def row(number):
    return np.random.default_rng(number).normal(size=DIM).astype("float32")


def rows(numbers):
    return {digest(number): row(number) for number in numbers}


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])
        assert found[name].dtype == np.float32


@pytest.fixture
def cache(tmp_path):
    with FeatureCache("trunk", {"size": 4}, tmp_path) as opened:
        yield opened


def test_what_is_written_is_read(cache):
    cache.write(rows(range(3)))
    cache.write(rows([7]))
    assert_same(cache.read([digest(n) for n in (7, 5, 1)]), rows([7, 1]))
    assert len(cache) == 4


def test_many_pictures_are_asked_for_at_once(cache):
    cache.write(rows(range(1200)))
    assert_same(cache.read([digest(n) for n in range(1700)]), rows(range(1200)))


def test_nothing_is_asked_for(cache):
    cache.write({})
    assert cache.read([]) == {}


def test_a_later_process_reads_it_and_writing_again_changes_nothing(tmp_path):
    for _ in range(2):
        with FeatureCache("trunk", {"size": 4}, tmp_path) as cache:
            cache.write(rows(range(3)))
    with FeatureCache("trunk", {"size": 4}, tmp_path) as cache:
        assert_same(cache.read([digest(n) for n in range(3)]), rows(range(3)))
        assert len(cache) == 3


def test_every_trunk_and_preprocessing_has_a_file_of_its_own(tmp_path):
    identities = [("trunk", {"size": 4}), ("other", {"size": 4}), ("trunk", {"size": 5})]
    for number, identity in enumerate(identities):
        with FeatureCache(*identity, tmp_path) as cache:
            assert len(cache) == 0
            cache.write(rows([number]))
    assert len(list(tmp_path.iterdir())) == 3
    for number, identity in enumerate(identities):
        with FeatureCache(*identity, tmp_path) as cache:
            assert_same(cache.read([digest(n) for n in range(3)]), rows([number]))


def test_a_file_under_the_wrong_name_is_noticed_and_left_as_it_is(tmp_path):
    with FeatureCache("trunk", {}, tmp_path) as right, FeatureCache("other", {}, tmp_path) as wrong:
        right.write(rows([1]))
    right.path.rename(wrong.path)
    before = wrong.path.read_bytes()
    with pytest.raises(DamagedCacheError, match=f"Received: {wrong.path}: it is about .*Delete"):
        FeatureCache("other", {}, tmp_path)
    assert wrong.path.read_bytes() == before


WRITER = """
import sys
sys.path.insert(0, {tests!r})
from test_feature_cache import FeatureCache, rows
start, stop, step, folder = *map(int, sys.argv[1:4]), sys.argv[4]
with FeatureCache("trunk", {{}}, folder) as cache:
    for first in range(start, stop, step):
        cache.write(rows(range(first, first + step)))
        print(first + step, flush=True)
"""


def writer(start, stop, step, folder):
    """A process that writes rows `start` to `stop`, and prints how far it is."""
    script = WRITER.format(tests=str(Path(__file__).parent))
    arguments = [str(value) for value in (start, stop, step, folder)]
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True
    )


def test_processes_write_at_the_same_time(tmp_path):
    # Every row is written by two of them.
    writers = [writer(start, start + 120, 4, tmp_path) for start in (0, 60, 60, 120)]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with FeatureCache("trunk", {}, tmp_path) as cache:
        assert_same(cache.read([digest(n) for n in range(240)]), rows(range(240)))


def test_it_survives_kills_in_the_middle_of_writing(tmp_path):
    step, reported = 50, 0
    delays = random.Random(0)
    for _ in range(5):
        process = writer(reported, 10**6, step, tmp_path)
        process.stdout.readline()
        time.sleep(delays.uniform(0, 0.05))
        process.kill()
        said = process.communicate()[0].split("\n")
        assert process.returncode == -signal.SIGKILL
        reported = max([int(line) for line in said[:-1] if line], default=reported + step)
    with FeatureCache("trunk", {}, tmp_path) as cache:
        found = cache.read([digest(n) for n in range(reported + step)])
    # All that was reported, and the block after it as a whole or not at all.
    assert reported >= 5 * step
    assert len(found) in (reported, reported + step)
    assert_same(found, rows(range(len(found))))


def test_a_kill_with_the_journal_on_disk_is_undone(tmp_path):
    # Stops the process inside a transaction whose pages are on disk already.
    script = (
        WRITER.format(tests=str(Path(__file__).parent))
        .replace("for first", "cache._file.execute('PRAGMA cache_size = 2')\n    for first")
        .replace(
            "cache.write(rows(range(first, first + step)))",
            "cache.write(rows(range(first, first + step))) if first == 0 else half(cache, first)",
        )
    )
    half = """
def half(cache, first):
    cache._file.execute("BEGIN IMMEDIATE")
    values = [(d, 0, r.tobytes()) for d, r in rows(range(first, first + 500)).items()]
    cache._file.executemany("INSERT INTO features VALUES (?, ?, ?)", values)
    print("half", flush=True)
    import time; time.sleep(60)
"""
    script = script.replace("start, stop", half + "start, stop", 1)
    process = subprocess.Popen(
        [sys.executable, "-c", script, "0", "100", "50", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert [process.stdout.readline() for _ in range(2)] == ["50\n", "half\n"]
    process.kill()
    process.communicate()
    assert list(tmp_path.glob("*-journal"))
    with FeatureCache("trunk", {}, tmp_path) as cache:
        assert len(cache) == 50
        assert_same(cache.read([digest(n) for n in range(600)]), rows(range(50)))


def read_again(folder):
    """The message of a `DamagedCacheError`, if there is one, or else the rows."""
    try:
        with FeatureCache("trunk", {}, folder) as cache:
            return "", cache.read([digest(n) for n in range(60)])
    except DamagedCacheError as error:
        return str(error), {}


def test_damage_is_said_or_does_no_harm(tmp_path):
    with FeatureCache("trunk", {}, tmp_path) as cache:
        cache.write(rows(range(60)))
    sound = cache.path.read_bytes()
    rng, said = random.Random(0), 0
    for _ in range(150):
        damaged = bytearray(sound)
        for _ in range(rng.choice([1, 30])):
            damaged[rng.randrange(len(sound))] ^= rng.randrange(1, 256)
        if rng.random() < 0.2:
            damaged = damaged[: rng.randrange(1, len(sound))]
        cache.path.write_bytes(damaged)
        message, found = read_again(tmp_path)
        wanted = rows(range(60))
        assert_same(found, {name: wanted[name] for name in found})
        if message:
            assert f"Received: {cache.path}: " in message
            assert "Delete that file" in message
            said += 1
    assert said > 75


def test_one_wrong_bit_of_a_feature_is_noticed(tmp_path):
    with FeatureCache("trunk", {}, tmp_path) as cache:
        cache.write(rows([1]))
    whole = cache.path.read_bytes()
    place = whole.index(row(1).tobytes()) + 5
    cache.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with (
        FeatureCache("trunk", {}, tmp_path) as again,
        pytest.raises(DamagedCacheError, match="a row differs from its checksum"),
    ):
        again.read([digest(1)])


def test_a_file_that_is_no_cache_is_said(tmp_path):
    with FeatureCache("trunk", {}, tmp_path) as cache:
        pass
    cache.path.write_text("not a data base" * 100)
    with pytest.raises(DamagedCacheError, match=r"Received: .*sqlite3: file is not a database"):
        FeatureCache("trunk", {}, tmp_path)


def test_a_folder_that_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        FeatureCache("trunk", {}, tmp_path / "file")
    with FeatureCache("trunk", {}, tmp_path) as cache:
        pass
    cache.path.unlink()
    cache.path.mkdir()
    with pytest.raises(OSError, match=r"Received: .*sqlite3: unable to open.*KERAS_XMR_CACHE"):
        FeatureCache("trunk", {}, tmp_path)


def test_a_file_locked_for_too_long_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_xmr.transforms.feature_cache.SECONDS_TO_WAIT", 0.1)
    with FeatureCache("trunk", {}, tmp_path) as cache:
        other = sqlite3.connect(cache.path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match=r"Received: .*database is locked.*cache=None"):
            cache.write(rows([1]))
        other.execute("ROLLBACK")
        other.close()
        cache.write(rows([1]))
        assert len(cache) == 1


def test_the_folder_is_the_variables_or_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    with FeatureCache("trunk", {}) as cache:
        assert cache.path.parent == tmp_path / "mine"
    monkeypatch.delenv("KERAS_XMR_CACHE")
    for platform, variable in (("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")):
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setenv(variable, str(tmp_path / platform))
        assert cache_folder() == tmp_path / platform / "keras_xmr"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "keras_xmr"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "keras_xmr"
