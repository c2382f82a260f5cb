"""Recordings are read to their end, or refused with the reason."""

import io
import sys
import wave

import numpy as np
import pytest
import soundfile

from keras_xmr.datasets import BadRowsError, folder, sound_files
from keras_xmr.datasets.sound_files import check_sound, read_sound

RATE = 8000


def tone(seconds=0.5, channels=1, rate=RATE):
    """A file of 16-bit samples, written by the standard library, and its levels."""
    count = int(seconds * rate)
    levels = np.round(9000 * np.sin(np.arange(count * channels) / 7)).astype("<i2")
    levels = levels.reshape(count, channels)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(levels.tobytes())
    return stream.getvalue(), levels


@pytest.mark.parametrize("channels", [1, 2])
def test_samples_are_the_mean_of_the_channels(channels):
    encoded, levels = tone(channels=channels)
    samples, rate = read_sound(encoded)
    assert rate == RATE
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, levels.mean(axis=1) / 2**15, atol=1e-7)


def test_paths_and_bytes_give_the_same(tmp_path):
    encoded, _ = tone()
    (tmp_path / "a.wav").write_bytes(encoded)
    for item in (tmp_path / "a.wav", str(tmp_path / "a.wav")):
        np.testing.assert_array_equal(read_sound(item)[0], read_sound(encoded)[0])


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_other_formats_are_read(tmp_path, ending):
    encoded, _ = tone()
    samples, _ = read_sound(encoded)
    soundfile.write(tmp_path / f"a.{ending}", samples, RATE)
    found, rate = read_sound(tmp_path / f"a.{ending}")
    assert rate == RATE
    assert abs(len(found) - len(samples)) < 0.5 * RATE
    assert np.corrcoef(found[: len(samples)], samples[: len(found)])[0, 1] > 0.5


WIDTHS = [
    *(("WAV", width) for width in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("WAV", "ULAW"), ("WAV", "ALAW")),
    # WAVE_FORMAT_EXTENSIBLE, and files beyond four gigabytes.
    *(("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("AIFF", "PCM_24"), ("AU", "ULAW")),
    ("FLAC", "PCM_24"),
]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("WAV", "GSM610")]
RATES, CHANNELS = (8000, 11025, 44100, 192_000), (1, 2, 6)


@pytest.mark.parametrize(
    ("form", "width", "channels", "rate"),
    [
        *((*kind, channels, rate) for kind in WIDTHS for channels in CHANNELS for rate in RATES),
        *((*kind, 1, RATE) for kind in LOSSY),
    ],
)
def test_every_rate_and_width(form, width, channels, rate):
    levels = tone(0.2, channels, rate)[1] / 2**15
    file = io.BytesIO()
    soundfile.write(file, levels, rate, format=form, subtype=width)
    samples, found = read_sound(file.getvalue())
    assert found == rate
    # Formats with losses may begin a little later, or end with silence.
    assert abs(len(samples) - len(levels)) < 0.1 * rate
    assert 0.1 < np.abs(samples).max() < 0.5
    if (form, width) in WIDTHS:
        np.testing.assert_allclose(samples, levels.mean(axis=1), atol=0.02)


@pytest.mark.parametrize("form", ["RF64", "AIFF"])
def test_what_ends_early_is_told_whatever_its_header(form):
    file = io.BytesIO()
    soundfile.write(file, tone()[1], RATE, format=form, subtype="PCM_16")
    assert len(read_sound(file.getvalue())[0]) == 4000
    with pytest.raises(ValueError, match="recording that ends after 3000 of"):
        read_sound(file.getvalue()[:3000])


def test_floats_on_the_scale_of_whole_numbers_are_told(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone()[1].astype(np.float32), RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match="samples up to 9000, expected -1 to 1; save it divided"):
        check_sound(tmp_path / "a.wav")


def damaged(**changes):
    encoded = bytearray(tone()[0])
    for place, value in changes.items():
        start = int(place.removeprefix("at"))
        encoded[start : start + 4] = value.to_bytes(4, "little")
    return bytes(encoded)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"", "empty file"),
        (b"a picture", "no recording of a known format .WAV, .* save it as FLAC"),
        (b"\0\0\0\x1cftypM4A \0\0\0\0", "no recording of a known format"),
        (tone()[0][:30], "recording that ends after 30 of 8044 bytes"),
        (tone()[0][:-2000], "recording that ends after 6044 of 8044 bytes"),
        (tone(seconds=0)[0], "recording without a sample"),
        (damaged(at24=7), "recording with 7 samples per second, expected 1000 to 768000"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(encoded, reason):
    with pytest.raises(ValueError, match=reason):
        read_sound(encoded)


def test_numbers_that_are_none_are_refused(tmp_path):
    samples = np.zeros(100, dtype=np.float32)
    samples[50] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match="NaN or infinite samples"):
        check_sound(tmp_path / "a.wav")


def test_a_file_that_does_not_know_its_length_is_read():
    # What a program writes into a pipe: the two sizes are the highest numbers.
    samples, _ = read_sound(damaged(at4=2**32 - 1, at40=2**32 - 1))
    assert len(samples) == 4000


def test_long_recordings_are_refused_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr(sound_files, "MAX_SAMPLES", 3999)
    with pytest.raises(ValueError, match="recording of 4000 samples, the limit is 3999"):
        read_sound(tone()[0])


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"No such file or directory: '.*gone.wav'"):
        read_sound(tmp_path / "gone.wav")


def test_any_damage_is_a_value_error_or_nothing():
    encoded, _ = tone(seconds=0.1)
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(encoded)
        for place in rng.integers(60, size=3):
            broken[place] = rng.integers(256)
        try:
            samples, _ = read_sound(bytes(broken))
        except ValueError:
            continue
        assert np.isfinite(samples).all()


@pytest.fixture
def table(tmp_path):
    (tmp_path / "a.wav").write_bytes(tone()[0])
    (tmp_path / "B.WAV").write_bytes(tone()[0])
    (tmp_path / "cut.wav").write_bytes(tone()[0][:-9])
    (tmp_path / "odd.flac").write_text("no sound")
    lines = ["id,text,voice,label", "1,one,a.wav,x", "2,two,B.WAV,x", "3,three,,x"]
    (tmp_path / "good.csv").write_text("\n".join(lines))
    (tmp_path / "memo.m4a").write_bytes(b"\0\0\0\x1cftypM4A \0\0\0\0")
    lines += ["4,four,cut.wav,x", "5,five,odd.flac,x", "6,six,gone.wav,x", "7,seven,memo.m4a,x"]
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    return tmp_path


def test_a_table_with_sounds_has_their_paths(table):
    voice = folder(table / "good.csv").media["voice"]
    assert voice.items.tolist() == [str(table / "a.wav"), str(table / "B.WAV")]
    assert voice.files.tolist() == voice.items.tolist()


def test_all_bad_sounds_of_a_table_are_told_together(table):
    with pytest.raises(BadRowsError, match="Received: 4 of 7 rows") as error:
        folder(table / "bad.csv")
    assert [row.id for row in error.value.rows] == ["4", "5", "6", "7"]
    reasons = [row.reason for row in error.value.rows]
    assert reasons[0] == "voice: recording that ends after 8035 of 8044 bytes"
    assert reasons[1].startswith("voice: no recording of a known format")
    assert reasons[2] == "voice: missing file 'gone.wav'"
    assert reasons[3] == reasons[1]
    with pytest.warns(UserWarning, match="4 of 7 rows"):
        assert len(folder(table / "bad.csv", skip_bad=True).media["voice"]) == 2


def test_the_missing_extra_is_named(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    message = r"Sound needs the packages of the extra 'audio'\..*pip install \"keras-xmr\[audio\]\""
    with pytest.raises(ModuleNotFoundError, match=message):
        folder(table / "good.csv")
