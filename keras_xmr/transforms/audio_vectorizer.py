"""Recordings of any length -> feature rows of one length: how their spectrum goes over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.datasets.bad_rows import BadRow, BadRowsError, listing
from keras_xmr.datasets.sound_files import SOUND_ENDINGS, Sound, import_audio, read_sound
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.transform import Transform, holds_files
from keras_xmr.types import Config, FloatArray, Items

# Seconds: the usual window and step of speech recognition.
WINDOW, STEP = 0.025, 0.010


class AudioVectorizer(Transform):
    """Sound files to rows of mel-frequency cepstral coefficients (MFCC).

    A recording is resampled, and its coefficients are computed in windows of 25 ms, every 10 ms.
    Their course is cut into `frames` equally long parts, whatever the length of the recording, and
    averaged within each. The differences of neighbouring parts tell how it changes. Columns are
    scaled to zero mean and unit variance on the training recordings.

    It needs the extra `audio` (librosa and soundfile). Files may be WAV, FLAC, Ogg, Opus,
    MP3, AIFF or AU.

    Args:
        sample_rate: Samples per second that all recordings are brought to; what is above half of it
            is lost.
        bands: Mel bands that the spectrum is divided into.
        coefficients: Cepstral coefficients of each window, at most `bands`.
        frames: Parts that the course of a recording is cut into, at least 2.
        deltas: Whether rows also hold the differences.

    Example:
        >>> import io, wave
        >>> tone = io.BytesIO()
        >>> with wave.open(tone, "wb") as file:
        ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...     file.writeframes((9000 * np.sin(np.arange(4000))).astype("<i2").tobytes())
        >>> vectorizer = AudioVectorizer(8000, frames=4).fit([tone.getvalue()])
        >>> vectorizer.dim, vectorizer([tone.getvalue()]).shape
        (160, (1, 160))

    Reference:
        S. B. Davis, P. Mermelstein: Comparison of parametric representations for monosyllabic word
        recognition in continuously spoken sentences, IEEE Transactions on Acoustics, Speech and
        Signal Processing, 1980.
    """

    def __init__(
        self,
        sample_rate: int = 16_000,
        *,
        bands: int = 40,
        coefficients: int = 20,
        frames: int = 16,
        deltas: bool = True,
    ) -> None:
        if sample_rate < 1000 or frames < 2 or not 1 <= coefficients <= bands:
            raise ValueError(
                "Needed are at least 1000 samples per second, 2 frames, and no more coefficients "
                f"than bands. Received: {sample_rate=}, {bands=}, {coefficients=}, {frames=}."
            )
        self.sample_rate = sample_rate
        self.bands = bands
        self.coefficients = coefficients
        self.frames = frames
        self.deltas = deltas
        self._scaler = FeatureScaler(square_root=False, norm="none")

    @classmethod
    def takes(cls, items: Items, medium: str) -> bool:
        """Files with the ending of a sound."""
        return holds_files(items, medium) and _ending(items[0]) in SOUND_ENDINGS

    def fit(self, items: Sequence[Sound]) -> "AudioVectorizer":
        """Measure the training recordings; returns `self`.

        Raises:
            BadRowsError: If recordings cannot be read; it lists all of them.
            ValueError: If there are no recordings.
        """
        self._scaler.fit(self._unscaled(items))
        return self

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return self.frames * self.coefficients * (2 if self.deltas else 1)

    def __call__(self, items: Sequence[Sound]) -> FloatArray:
        """Rows `(n, dim)`, float32.

        Args:
            items: Sound files, or the bytes of them.

        Raises:
            BadRowsError: If recordings cannot be read; it lists all of them.
            RuntimeError: Before `fit`.
        """
        if not self._scaler.dim:
            raise RuntimeError("An AudioVectorizer must be fitted before it is used. Call fit().")
        return self._scaler(self._unscaled(items))

    def _unscaled(self, items: Sequence[Sound]) -> FloatArray:
        rows = np.zeros((len(items), self.dim), dtype=np.float32)
        bad = []
        for row, item in enumerate(items):
            try:
                rows[row] = self._row(*read_sound(item))
            except ValueError as error:
                name = f"row {row}" if isinstance(item, bytes) else str(item)
                bad.append(BadRow(name, str(error)))
        if bad:
            raise BadRowsError(
                f"Every recording must be there and readable. Received: {len(bad)} of {len(items)} "
                f"that are not:\n{listing(bad)}\nRepair them, or leave them out.",
                bad,
            )
        return rows

    def _row(self, samples: FloatArray, rate: int) -> FloatArray:
        course = course_in_parts(self._course(samples, rate), self.frames)
        if self.deltas:
            course = np.concatenate([course, np.gradient(course, axis=1)])
        return course.ravel()

    def _course(self, samples: FloatArray, rate: int) -> FloatArray:
        """Coefficients `(coefficients, windows)`."""
        librosa = import_audio("librosa")
        if rate != self.sample_rate:
            samples = librosa.resample(samples, orig_sr=rate, target_sr=self.sample_rate)
        window = round(WINDOW * self.sample_rate)
        transformed = 1 << (window - 1).bit_length()
        if len(samples) < transformed:
            samples = np.pad(samples, (0, transformed - len(samples)))
        coefficients: FloatArray = librosa.feature.mfcc(
            y=samples,
            sr=self.sample_rate,
            n_mfcc=self.coefficients,
            n_mels=self.bands,
            n_fft=transformed,
            win_length=window,
            hop_length=round(STEP * self.sample_rate),
        )
        return coefficients

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            "sample_rate": self.sample_rate,
            "bands": self.bands,
            "coefficients": self.coefficients,
            "frames": self.frames,
            "deltas": self.deltas,
        }

    def get_state(self) -> dict[str, list[Any]]:
        """What `fit` measured, JSON-serialisable."""
        return self._scaler.get_state()

    def set_state(self, state: dict[str, list[Any]]) -> None:
        """Take over what `get_state` gave."""
        self._scaler.set_state(state)


def _ending(item: Sound) -> str:
    return "" if isinstance(item, bytes) else Path(item).suffix.lower()


def course_in_parts(course: FloatArray, parts: int) -> FloatArray:
    """The means of `parts` equally long parts of a course.

    A column at the border of two parts counts for each by the share that lies in it, so that there
    may be fewer columns than parts.

    Args:
        course: Values `(n, columns)`.
        parts: Number of parts.

    Returns:
        Means `(n, parts)`.

    Example:
        >>> course_in_parts(np.array([[1.0, 2.0, 6.0]]), 2).round(2).tolist()
        [[1.33, 4.67]]
    """
    columns = course.shape[1]
    before = np.concatenate([np.zeros((len(course), 1)), course.cumsum(axis=1)], axis=1)
    borders = np.linspace(0, columns, parts + 1)
    areas = np.stack([np.interp(borders, np.arange(columns + 1), line) for line in before])
    means: FloatArray = np.diff(areas, axis=1) * (parts / columns)
    return means
