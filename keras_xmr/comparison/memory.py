"""`PeakMemory`: by how much the process grew."""

import threading
from types import TracebackType
from typing import Self

# Seconds between two looks.
PERIOD = 0.02


class PeakMemory:
    """Look at the memory of the process again and again, while something is done.

    What an operating system tells is the largest of the whole life of a process; here it is that of
    a block of code.

    Attributes:
        peak: Bytes of resident memory, at most, beyond those at the start.

    Example:
        >>> with PeakMemory() as memory:
        ...     block = b"1" * 50_000_000
        ...     memory.look()
        >>> memory.peak > 40_000_000
        True
    """

    def __init__(self) -> None:
        import psutil

        self.process = psutil.Process()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.start = self.peak = 0

    def __enter__(self) -> Self:
        self.start = self.process.memory_info().rss
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopped.set()
        self.thread.join()
        self.look()

    def look(self) -> None:
        """Look once."""
        self.peak = max(self.peak, self.process.memory_info().rss - self.start)

    def _watch(self) -> None:
        while not self.stopped.wait(PERIOD):
            self.look()
