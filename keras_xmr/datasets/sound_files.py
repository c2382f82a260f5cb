"""Recordings -> samples, for data that hold them and for what is computed from them.

Every function here raises a plain `ValueError` whose message is the reason, in a few words, why a
file cannot be used.
"""

import io
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import numpy as np

from keras_xmr.datasets.bad_rows import short
from keras_xmr.types import FloatArray

Sound: TypeAlias = str | Path | bytes
"""A sound file, or the bytes of one."""

SOUND_ENDINGS = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"),
    # What telephones write, and libsndfile does not read: it is told, and not passed over.
    *(".m4a", ".aac", ".wma", ".amr"),
)
# A file of a few kilobytes may unpack to any length: half a gigabyte of float32 is the limit.
MAX_SAMPLES = 2**27
RATES = (1000, 768_000)
# Floats go to 1, and a little above where a recording is too loud. Those of a program that took
# them for 16-bit numbers go far above.
LOUDEST = 100
# What programs write that do not know the length of a recording when they begin.
_UNKNOWN = (0, 2**32 - 1, 2**64 - 1)


def import_audio(name: str) -> ModuleType:
    """A package of the extra `audio`.

    Raises:
        ModuleNotFoundError: If it is not installed; the message says how to.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            "Sound needs the packages of the extra 'audio'. "
            f'Received: {error}. Install them: pip install "keras-xmr[audio]".'
        ) from error


def read_sound(item: Sound) -> tuple[FloatArray, int]:
    """Samples `(n,)` between -1 and 1, the mean of all channels, and how many there are per second.

    Args:
        item: A file that libsndfile reads (WAV, FLAC, Ogg, Opus, MP3, AIFF, AU), or the bytes of
            one.

    Raises:
        ModuleNotFoundError: If the extra `audio` is not installed.
        ValueError: If it cannot be read to its end, or is longer than `MAX_SAMPLES`.
    """
    soundfile = import_audio("soundfile")
    try:
        encoded = item if isinstance(item, bytes) else Path(item).read_bytes()
    except OSError as error:
        raise ValueError(f"{error.strerror or error}: {short(str(item))}") from error
    _check_whole(encoded)
    try:
        with soundfile.SoundFile(io.BytesIO(encoded)) as file:
            length, rate = file.frames * file.channels, int(file.samplerate)
            samples = None
            if length <= MAX_SAMPLES:
                # Some kinds (GSM) are read by their number of frames alone.
                samples = file.read(file.frames, dtype="float32", always_2d=True)
    except Exception as error:
        # What a damaged file makes the library raise depends on where the damage is.
        reason = getattr(error, "error_string", str(error)) or type(error).__name__
        if "not recognised" in reason:
            raise ValueError(_unknown(encoded)) from error
        raise ValueError(f"recording cannot be decoded: {short(reason)}") from error
    if samples is None:
        raise ValueError(f"recording of {length} samples, the limit is {MAX_SAMPLES}")
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(
            f"recording with {rate} samples per second, expected {RATES[0]} to {RATES[1]}"
        )
    if not len(samples):
        raise ValueError("recording without a sample")
    if not np.isfinite(samples).all():
        raise ValueError("recording with NaN or infinite samples")
    if (peak := np.abs(samples).max()) > LOUDEST:
        raise ValueError(
            f"recording with samples up to {peak:.0f}, expected -1 to 1; save it divided by that"
        )
    return samples.mean(axis=1), rate


def check_sound(path: Path) -> None:
    """Decode a recording to its end, as training will.

    Raises:
        ModuleNotFoundError: If the extra `audio` is not installed.
        ValueError: As in `read_sound`.
    """
    read_sound(path)


def _unknown(encoded: bytes) -> str:
    """Why libsndfile does not know a file that begins so."""
    if not encoded:
        return "empty file"
    return "no recording of a known format (WAV, FLAC, Ogg, Opus, MP3, AIFF, AU); save it as FLAC"


def _check_whole(encoded: bytes) -> None:
    """Raise for a WAV or AIFF file that ends early: libsndfile reads what there is, silently."""
    told = _told_length(encoded)
    if told is not None and told > len(encoded) + 1:
        raise ValueError(f"recording that ends after {len(encoded)} of {told} bytes")


def _told_length(encoded: bytes) -> int | None:
    """Bytes of the whole file, as it says itself."""
    kind, size = encoded[:4], int.from_bytes(encoded[4:8], "little")
    if kind == b"FORM":
        size = int.from_bytes(encoded[4:8], "big")
    elif kind == b"RF64" and encoded[12:16] == b"ds64":
        # For more than four gigabytes: the size has a place of its own.
        size = int.from_bytes(encoded[20:28], "little")
    elif kind != b"RIFF":
        return None
    return None if size in _UNKNOWN else size + 8
