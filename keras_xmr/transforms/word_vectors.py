"""Word vectors: trained on the training texts, or taken from those that others trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_xmr.transforms.tokens import check_strings, tokenize
from keras_xmr.types import Array, FloatArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DIM = 300
# Of Levy, Goldberg and Dagan, TACL 2015: their counterpart of word2vec's smoothing.
SMOOTHING = 0.75


def train_word_vectors(
    texts: Sequence[str], words: Sequence[str], *, dim: int = DIM, window: int = 5
) -> FloatArray:
    """Vectors in which words are alike that occur in the same surroundings.

    Positive pointwise mutual information of the words within a window, reduced to its largest
    singular vectors: on few texts as good as word2vec or better, and the same each time.

    Args:
        texts: Training texts.
        words: The vocabulary, such as `WordIds.words`.
        dim: Width of the vectors. Where there are fewer words the last columns are zeros.
        window: Greatest distance of two words that are counted.

    Returns:
        Vectors `(len(words), dim)`, float32, of a mean square of 1.

    Raises:
        ValueError: If `texts` is a single string or holds anything but strings, or no two words of
            the vocabulary are together in a text.

    Example:
        >>> texts = ["a dog runs", "a cat runs", "the sky is blue", "the sky is grey"]
        >>> words = ("dog", "cat", "blue", "grey", "runs", "sky", "a", "the", "is")
        >>> dog, cat, blue, *_ = train_word_vectors(texts, words, dim=4)
        >>> bool(dog @ cat > 10 * abs(dog @ blue))
        True

    Reference:
        O. Levy, Y. Goldberg: Neural word embedding as implicit matrix factorization, NIPS 2014.
    """
    check_strings(texts)
    together = _together(texts, words, window)
    if not together.sum():
        raise ValueError(
            "Word vectors need words that occur together. "
            f"Received: {len(texts)} texts, {len(words)} words, none of them beside another."
        )
    vectors = np.zeros((len(words), dim), dtype=np.float32)
    found = _reduced(_information(together), min(dim, len(words) - 1))
    vectors[:, : found.shape[1]] = found
    scaled: FloatArray = vectors / np.sqrt(np.mean(np.square(vectors)))
    return scaled


def given_word_vectors(
    given: Mapping[str, Any] | str | Path, words: Sequence[str]
) -> tuple[FloatArray, Array]:
    """Vectors of a vocabulary, among those that others trained.

    Args:
        given: Word to vector, or the path of a text file with a word and its numbers in each line,
            as word2vec, GloVe and fastText write them; a first line with two sizes is passed over.
        words: The vocabulary, such as `WordIds.words`.

    Returns:
        Vectors `(len(words), d)`, float32, and whether each word is among the given ones,
        `(len(words),)`. The vectors of others are zeros.

    Raises:
        ValueError: If no word of the vocabulary is there, or vectors differ in width.

    Example:
        >>> vectors, known = given_word_vectors({"dog": [1.0, 2.0]}, ("dog", "cat"))
        >>> vectors.tolist(), known.tolist()
        ([[1.0, 2.0], [0.0, 0.0]], [True, False])

    Reference:
        T. Mikolov et al.: Distributed representations of words and phrases, NIPS 2013; its tool
        defined the format.
    """
    wanted = set(words)
    if isinstance(given, Mapping):
        found = {w: np.asarray(given[w], dtype=np.float32) for w in wanted & set(given)}
    else:
        found = _read(Path(given), wanted)
    widths = {vector.shape for vector in found.values()}
    if len(widths) != 1 or len(next(iter(widths))) != 1:
        raise ValueError(
            "There are vectors of one width for some words of the vocabulary. "
            f"Received: vectors for {len(found)} of {len(wanted)} words, of shapes {[*widths]}."
        )
    ((width,),) = widths
    zeros = np.zeros(width, dtype=np.float32)
    known = np.array([word in found for word in words])
    return np.array([found.get(word, zeros) for word in words]), known


def _read(path: Path, wanted: set[str]) -> dict[str, FloatArray]:
    found = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            word, *numbers = line.rstrip().split(" ")
            # A first line has two sizes.
            if word in wanted and len(numbers) > 1:
                found[word] = _numbers(numbers, word, path)
    return found


def _numbers(numbers: list[str], word: str, path: Path) -> FloatArray:
    try:
        return np.array(numbers, dtype=np.float32)
    except ValueError as error:
        raise ValueError(
            f"A line of word vectors is a word and its numbers. Received: {path.name!r}, where "
            f"{word!r} is followed by {numbers[:3]}."
        ) from error


def _together(texts: Sequence[str], words: Sequence[str], window: int) -> "csr_array":
    """How often a word is within the window of another, `(words, words)`, the nearer the more."""
    from scipy.sparse import coo_array, csr_array

    number_of = {word: number for number, word in enumerate(words)}
    rows, columns, shares = [], [], []
    for text in texts:
        numbers = np.array([number_of.get(word, -1) for word in tokenize(text)])
        for distance in range(1, min(window, len(numbers) - 1) + 1):
            one, other = numbers[:-distance], numbers[distance:]
            known = (one >= 0) & (other >= 0)
            rows += [one[known], other[known]]
            columns += [other[known], one[known]]
            # As word2vec, which draws the window's size.
            shares += [np.full(2 * known.sum(), 1 - (distance - 1) / window)]
    size = (len(words), len(words))
    if not rows:
        return csr_array(size)
    entries = (np.concatenate(shares), (np.concatenate(rows), np.concatenate(columns)))
    return csr_array(coo_array(entries, shape=size))


def _information(together: "csr_array") -> "csr_array":
    """Positive pointwise mutual information; nothing where words are never together."""
    counts = together.tocoo()
    of_word = together.sum(axis=1)
    of_context = of_word**SMOOTHING
    expected = of_word[counts.row] * of_context[counts.col] / of_context.sum()
    counts.data = np.maximum(np.log(counts.data / expected), 0)
    return counts.tocsr()


def _reduced(information: "csr_array", dim: int) -> FloatArray:
    """The rows in the space of the largest singular vectors, with the roots of their values."""
    from sklearn.utils.extmath import randomized_svd

    left, values, _ = randomized_svd(information, n_components=dim, random_state=0)
    reduced: FloatArray = left * np.sqrt(values)
    return reduced
