"""The layers of convolutional networks in NumPy, channels first, as Caffe defines them."""

import itertools

import numpy as np


def convolution(x, kernel, bias, stride=1, padding=0, groups=1):
    """Slide a kernel (out, in / groups, height, width) over (n, in, height, width)."""
    x = np.pad(x.astype("float64"), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    outputs, inputs, height, width = kernel.shape
    rows = (x.shape[2] - height) // stride + 1
    columns = (x.shape[3] - width) // stride + 1
    result = np.zeros((len(x), outputs, rows, columns))
    share = outputs // groups
    for row, column in itertools.product(range(rows), range(columns)):
        top, left = row * stride, column * stride
        window = x[:, :, top : top + height, left : left + width]
        for group in range(groups):
            seen = window[:, group * inputs : (group + 1) * inputs].reshape(len(x), -1)
            mine = slice(group * share, (group + 1) * share)
            result[:, mine, row, column] = seen @ kernel[mine].reshape(share, -1).T
    return result + bias[:, None, None]


def max_pool(x):
    """The maximum of 3 x 3 every 2; the number of windows is rounded up."""
    rows, columns = (int(np.ceil((size - 3) / 2)) + 1 for size in x.shape[2:])
    result = np.zeros((*x.shape[:2], rows, columns))
    for row, column in itertools.product(range(rows), range(columns)):
        window = x[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        result[:, :, row, column] = window.max(axis=(2, 3))
    return result


def per_channel(values):
    return np.asarray(values, dtype="float64")[:, None, None]


def normalized(x, mean, variance):
    return (x - per_channel(mean)) / np.sqrt(per_channel(variance) + 1e-5)


def channels_last(x):
    return x.transpose(0, 2, 3, 1)


def blue_green_red(pixels):
    """Pixels (n, height, width, 3) as Caffe reads them."""
    return pixels.transpose(0, 3, 1, 2)[:, ::-1].astype("float64")


def filters(generator, outputs, inputs, size):
    """A kernel that keeps the size of activations, and a bias."""
    deviation = np.sqrt(2 / (inputs * size * size))
    kernel = generator.normal(0, deviation, (outputs, inputs, size, size))
    return kernel.astype("float32"), generator.normal(0, 0.1, outputs).astype("float32")


def pictures(count, size, seed=0):
    """Random pixels 0..255, float32."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3)).astype("float32")
