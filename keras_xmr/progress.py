"""A progress bar with the time left, for whatever takes long."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Show on standard error how much is done, and the time left.

    In a terminal it is a bar; in a file or pipe it is a line every tenth of the way.

    Args:
        title: What is being done.
        shown: Whether anything is shown.
    """

    def __init__(self, title: str, *, shown: bool = True) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        self.title = title
        self.shown = shown
        console = Console(file=sys.stderr)
        self.live = console.is_terminal
        self.bar = Bar(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            disable=not (shown and self.live),
        )

    def start(self, total: int) -> None:
        """Show the bar, with nothing of `total` done."""
        self.task = self.bar.add_task(self.title, total=total, figures="")
        self.bar.start()

    def move_to(self, done: int, figures: str = "") -> None:
        """Tell how much is done, and what else there is to say about it."""
        task = self.bar.tasks[self.task]
        before, total = int(task.completed), int(task.total or 1)
        self.bar.update(self.task, completed=done, figures=figures)
        if not self.live and 10 * done // total > 10 * before // total:
            left = task.time_remaining
            eta = "" if left is None else f"{left:.0f} s left"
            self.say(", ".join(filter(None, [f"{done}/{total}", figures, eta])))

    def stop(self) -> None:
        """Leave the bar as it is."""
        self.bar.stop()

    @contextmanager
    def over(self, total: int) -> Iterator[None]:
        """Show the bar while `total` things are being done."""
        self.start(total)
        try:
            yield
        finally:
            self.stop()

    def say(self, text: str) -> None:
        """One line about it, after the title."""
        if self.shown:
            print(f"{self.title}: {text}", file=sys.stderr, flush=True)
