"""`AudioVectorizer`, against formulas worked out apart and against what is known of sounds."""

import io
import json
import sys

import numpy as np
import pytest
import soundfile

from keras_xmr.datasets import BadRowsError, CrossModalData, MediumItems
from keras_xmr.transforms import AudioVectorizer, Preprocessor
from keras_xmr.transforms.audio_vectorizer import course_in_parts

RATE = 8000
TINY = {"sample_rate": RATE, "bands": 12, "coefficients": 5, "frames": 4}


def sound(frequencies, seconds=0.5, rate=RATE, noise=0.0, seed=0):
    """A WAV file of equally long tones, one after the other."""
    times = np.arange(int(seconds * rate)) / rate
    course = np.repeat(frequencies, -(-len(times) // len(frequencies)))[: len(times)]
    samples = 0.3 * np.sin(2 * np.pi * np.cumsum(course) / rate)
    samples += np.random.default_rng(seed).normal(scale=noise, size=len(times))
    stream = io.BytesIO()
    soundfile.write(stream, samples.astype(np.float32), rate, format="WAV", subtype="FLOAT")
    return stream.getvalue()


@pytest.fixture(scope="module")
def sounds():
    return [sound([300 * (1 + i % 4)], 0.3 + 0.1 * (i % 3), noise=0.01, seed=i) for i in range(12)]


def by_loop(course, parts, fine=60):
    """Every column repeated `fine * parts` times, and the means of equally long slices."""
    repeated = np.repeat(course, fine * parts, axis=1)
    return repeated.reshape(len(course), parts, -1).mean(axis=2)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 17, 40])
def test_parts_are_means_of_equally_long_slices(columns):
    course = np.random.default_rng(0).normal(size=(3, columns))
    np.testing.assert_allclose(course_in_parts(course, 4), by_loop(course, 4), atol=1e-12)


def test_rows_have_one_width_whatever_the_length(sounds):
    vectorizer = AudioVectorizer(**TINY).fit(sounds)
    assert vectorizer.dim == 4 * 5 * 2
    others = [sound([500], seconds) for seconds in (0.005, 0.05, 2.0)]
    rows = vectorizer(others)
    assert rows.shape == (3, 40)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert AudioVectorizer(**TINY, deltas=False).dim == 20


def test_training_rows_have_zero_mean_and_unit_variance(sounds):
    rows = AudioVectorizer(**TINY).fit(sounds)(sounds)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(rows.std(axis=0), 1, atol=1e-3)


def test_deltas_are_differences_of_neighbouring_parts(sounds):
    vectorizer = AudioVectorizer(**TINY)
    course, deltas = np.split(vectorizer._unscaled(sounds[:1])[0].reshape(10, 4), 2)
    expected = [
        course[:, 1] - course[:, 0],
        (course[:, 2] - course[:, 0]) / 2,
        (course[:, 3] - course[:, 1]) / 2,
        course[:, 3] - course[:, 2],
    ]
    np.testing.assert_allclose(deltas, np.stack(expected, axis=1), rtol=1e-4, atol=1e-4)


def test_coefficients_are_those_of_the_definition():
    """Power spectrum, mel bands, decibels and cosine transform, in NumPy and SciPy."""
    from librosa.filters import mel
    from scipy.fft import dct
    from scipy.signal import get_window

    samples, _ = soundfile.read(io.BytesIO(sound([440], 0.2)), dtype="float32")
    window = np.pad(get_window("hann", 200), 28)
    padded = np.pad(samples, 128)
    starts = range(0, len(padded) - 256 + 1, 80)
    spectra = [abs(np.fft.rfft(padded[start : start + 256] * window)) ** 2 for start in starts]
    bands = mel(sr=RATE, n_fft=256, n_mels=12) @ np.array(spectra).T
    decibels = 10 * np.log10(np.maximum(bands, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    expected = dct(decibels, axis=0, norm="ortho")[:5]
    found = AudioVectorizer(**TINY)._course(samples, RATE)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-2)


def test_the_same_sound_at_another_rate_is_close(sounds):
    from scipy.signal import resample_poly

    vectorizer = AudioVectorizer(**TINY, deltas=False).fit(sounds)
    slow, other = (sound(tones, noise=0.01) for tones in ([400, 900], [1500, 300]))
    samples, _ = soundfile.read(io.BytesIO(slow))
    fast = io.BytesIO()
    soundfile.write(fast, resample_poly(samples, 2, 1), 2 * RATE, format="WAV", subtype="FLOAT")
    rows = vectorizer([slow, fast.getvalue(), other])
    assert np.linalg.norm(rows[0] - rows[1]) < 0.1 * np.linalg.norm(rows[0] - rows[2])


def test_json_brings_the_same_bits_back(sounds):
    items = MediumItems(sounds, [0] * 12, [str(i) for i in range(12)], ["train"] * 12)
    data = CrossModalData("some", {"audio": items}, ("x",))
    given = AudioVectorizer(**TINY, deltas=False)
    preprocessor = Preprocessor.for_data(data, audio=given).fit(data)
    copy = Preprocessor.from_config(json.loads(json.dumps(preprocessor.get_config())))
    assert copy.get_config() == preprocessor.get_config()
    assert copy.dims == {"audio": 20}
    assert copy(sounds, "audio").tobytes() == preprocessor(sounds, "audio").tobytes()


def test_all_bad_recordings_are_told_together(sounds, tmp_path):
    (tmp_path / "odd.wav").write_text("no sound")
    items = [sounds[0], b"", str(tmp_path / "odd.wav"), str(tmp_path / "gone.wav"), sounds[1]]
    vectorizer = AudioVectorizer(**TINY).fit(sounds)
    for verb in (vectorizer, vectorizer.fit):
        with pytest.raises(BadRowsError, match="Received: 3 of 5 that are not") as error:
            verb(items)
        names = ["row 1", str(tmp_path / "odd.wav"), str(tmp_path / "gone.wav")]
        assert [row.id for row in error.value.rows] == names
    with pytest.raises(BadRowsError, match=r"Received: 30 of 30 .*\n(.*\n){20}  and 10 more\n"):
        vectorizer([b""] * 30)


def test_an_unfitted_vectorizer_is_refused(sounds):
    with pytest.raises(RuntimeError, match=r"must be fitted before it is used\. Call fit\(\)\."):
        AudioVectorizer(**TINY)(sounds)


@pytest.mark.parametrize(
    "arguments", [{"frames": 1}, {"coefficients": 41}, {"coefficients": 0}, {"sample_rate": 999}]
)
def test_wrong_arguments_are_refused(arguments):
    (name, value) = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=rf"Needed are .*Received: .*{name}={value}"):
        AudioVectorizer(**arguments)


def test_the_missing_extra_is_named(sounds, monkeypatch):
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(ModuleNotFoundError, match=r"extra 'audio'.*keras-xmr\[audio\]"):
        AudioVectorizer(**TINY).fit(sounds)
