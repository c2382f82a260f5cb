"""`BatchesAhead`: batches that threads prepare while the model works on earlier ones."""

import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras


class BatchesAhead(keras.utils.PyDataset):
    """A data set whose next batches are prepared by threads of its own.

    Keras has workers for this too, but its `fit` looks at the first batch before it starts, and
    with several workers what it looked at is then missing from the first epoch. Here a batch
    depends on its number alone, whoever asks for it and however often.

    Sub-classes say in `batch` what the batch of a number is, in `first` which number an epoch
    begins with, and in `end` after how many there are no more.

    Args:
        workers: Number of threads; with 1 each batch is prepared when it is asked for.
    """

    def __init__(self, workers: int = 1) -> None:
        super().__init__()
        if workers < 1:
            raise ValueError(f"Batches need at least one worker. Received: {workers=}.")
        self.threads = workers
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None
        self._coming: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()

    def batch(self, number: int) -> Any:
        """The batch of that number, counted since the first epoch."""
        raise NotImplementedError

    def first(self) -> int:
        """Number of the first batch of this epoch."""
        return 0

    def end(self) -> int:
        """How many batches there are in all the epochs together."""
        return sys.maxsize

    def __getitem__(self, index: int) -> Any:
        number = self.first() + index
        if self._pool is None:
            return self.batch(number)
        with self._lock:
            next_ones = range(number, min(number + 2 * self.threads + 1, self.end()))
            # What was prepared for an order that did not come is dropped.
            for passed in [n for n in self._coming if n not in next_ones]:
                self._coming.pop(passed).cancel()
            for coming in next_ones:
                if coming not in self._coming:
                    self._coming[coming] = self._pool.submit(self.batch, coming)
            wanted = self._coming.pop(number)
        return wanted.result()
