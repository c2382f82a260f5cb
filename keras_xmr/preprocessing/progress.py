"""A progress bar over pictures, with the time left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class PictureProgress:
    """Show on standard error how many pictures are done, and the time left.

    In a terminal it is a bar; in a file or pipe it is a line every tenth of the pictures.

    Args:
        title: What is being done.
        shown: Whether anything is shown.
    """

    def __init__(self, title: str, *, shown: bool = True) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.title = title
        self.shown = shown
        console = Console(file=sys.stderr)
        self.live = console.is_terminal
        self.bar = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and self.live),
        )

    @contextmanager
    def over(self, total: int) -> Iterator[None]:
        """Show the bar while `total` pictures are being done."""
        self.task = self.bar.add_task(self.title, total=total)
        with self.bar:
            yield

    def advance(self, count: int) -> None:
        """Move on by `count` pictures."""
        task = self.bar.tasks[self.task]
        before = task.completed
        self.bar.update(self.task, advance=count)
        total = task.total or 1
        if not self.live and 10 * task.completed // total > 10 * before // total:
            left = task.time_remaining
            eta = "" if left is None else f", {left:.0f} s left"
            self.say(f"{task.completed:.0f}/{total:.0f}{eta}")

    def say(self, text: str) -> None:
        """One line about it, after the title."""
        if self.shown:
            print(f"{self.title}: {text}", file=sys.stderr, flush=True)
