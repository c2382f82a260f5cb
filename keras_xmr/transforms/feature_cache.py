"""Features of pictures on disk, so that a frozen trunk computes each picture once.

A picture is known by the SHA-256 of its bytes, not by its name: a changed file is computed again, a
moved one is not. Each pair of a trunk and a preprocessing has one SQLite file, which holds nothing
but numbers and may be deleted at any time.
"""

import hashlib
import json
import os
import sqlite3
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from keras_xmr.types import FloatArray

VARIABLE = "KERAS_XMR_CACHE"
SECONDS_TO_WAIT = 60.0
# How many values one SQL statement may have, in every SQLite that Python 3.11 comes with.
BLOCK = 500
# What goes wrong around a file that is sound. All else that SQLite reports is damage: flipped bytes
# make it miss a table as well as find the file malformed.
_NOT_DAMAGED = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


class DamagedCacheError(RuntimeError):
    """A cache file does not hold what was written to it; the message says which to delete."""


class FeatureCache:
    """Feature rows of one trunk after one preprocessing, by the SHA-256 of the picture's bytes.

    Several processes may use one file at the same time, and may be killed at any time: SQLite
    writes a block of rows as a whole or not at all. A damaged file is an error and is not replaced
    silently, since a disk that loses data is worth knowing about.

    Args:
        trunk: Fingerprint of the trunk.
        preprocessing: What was done to the pictures, JSON-serialisable.
        folder: Where the file lies; `cache_folder()` if `None`.

    Raises:
        OSError: If the file cannot be made or opened.
        DamagedCacheError: If the file is damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, FeatureCache("ab12", {}, folder) as cache:
        ...     cache.write({"00ff": np.ones(2, dtype=np.float32)})
        ...     cache.read(["00ff", "00aa"])
        {'00ff': array([1., 1.], dtype=float32)}
    """

    def __init__(
        self, trunk: str, preprocessing: Mapping[str, Any], folder: str | Path | None = None
    ) -> None:
        self.identity = json.dumps({"trunk": trunk, **preprocessing}, sort_keys=True)
        name = hashlib.sha256(self.identity.encode()).hexdigest()[:16]
        folder = cache_folder() if folder is None else Path(folder)
        self.path = folder / f"features_{trunk[:16]}_{name}.sqlite3"
        with self._errors():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self.path, SECONDS_TO_WAIT, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def read(self, digests: Sequence[str]) -> dict[str, FloatArray]:
        """The rows there are, by digest.

        Args:
            digests: SHA-256 of pictures, in hexadecimal.

        Raises:
            DamagedCacheError: If a row is not what was written.
        """
        found = {}
        for start in range(0, len(digests), BLOCK):
            block = digests[start : start + BLOCK]
            marks = ", ".join("?" * len(block))
            query = f"SELECT digest, checksum, row FROM features WHERE digest IN ({marks})"
            with self._errors():
                for digest, checksum, row in self._file.execute(query, block):
                    if zlib.crc32(digest.encode() + row) != checksum:
                        raise self._damaged("a row differs from its checksum")
                    found[digest] = np.frombuffer(row, dtype="<f4").astype(np.float32)
        return found

    def write(self, rows: Mapping[str, FloatArray]) -> None:
        """Add rows, all of them or, if the process is killed meanwhile, none.

        Args:
            rows: SHA-256 of a picture, in hexadecimal, to its features `(d,)`.
        """
        encoded = {digest: row.astype("<f4").tobytes() for digest, row in rows.items()}
        values = [(d, zlib.crc32(d.encode() + row), row) for d, row in encoded.items()]
        with self._transaction() as file:
            # Another process may have computed the same picture meanwhile.
            file.executemany("INSERT OR IGNORE INTO features VALUES (?, ?, ?)", values)

    def __len__(self) -> int:
        """Number of pictures."""
        with self._errors():
            return int(self._file.execute("SELECT count(*) FROM features").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> "FeatureCache":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        with self._transaction() as file:
            file.execute("CREATE TABLE IF NOT EXISTS about (identity TEXT PRIMARY KEY)")
            file.execute(
                "CREATE TABLE IF NOT EXISTS features "
                "(digest TEXT PRIMARY KEY, checksum INTEGER NOT NULL, row BLOB NOT NULL)"
            )
            file.execute(
                "INSERT INTO about SELECT ? WHERE NOT EXISTS (SELECT * FROM about)",
                (self.identity,),
            )
            known = file.execute("SELECT identity FROM about").fetchall()
        if known != [(self.identity,)]:
            raise self._damaged(f"it is about {known}, not about {self.identity}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            # IMMEDIATE takes the lock at once; taking it halfway could fail without waiting.
            self._file.execute("BEGIN IMMEDIATE")
            with self._file:
                yield self._file

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Errors of SQLite say neither which file is meant nor what to do."""
        try:
            yield
        except sqlite3.Error as error:
            # The low byte is the kind of error, the others its details.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NOT_DAMAGED:
                raise self._damaged(str(error)) from error
            raise OSError(
                "The feature cache must be a file that can be read, written and locked. "
                f"Received: {self.path}: {error}. Set {VARIABLE} to another folder, or do without "
                "a cache (cache=None)."
            ) from error
        except (TypeError, ValueError) as error:
            # A text that is no UTF-8, or a number where a row should be.
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> DamagedCacheError:
        return DamagedCacheError(
            "A feature cache must hold what was written to it. "
            f"Received: {self.path}: {reason}. Delete that file: its features are then computed "
            "again."
        )


def cache_folder() -> Path:
    """The folder of `KERAS_XMR_CACHE`, or else `keras_xmr` in the user's cache folder."""
    if value := os.environ.get(VARIABLE):
        return Path(value).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~")).expanduser() / "keras_xmr"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "keras_xmr"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "keras_xmr"
