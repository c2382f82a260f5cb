"""A browser without a window, which pages are looked at with."""

import shutil
import subprocess

import pytest

# Chromium does not run as root in its sandbox.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    "--hide-scrollbars",
)


def chromium(folder, *arguments):
    """What Chromium prints; no host can be reached."""
    if CHROMIUM is None:
        pytest.skip("There is no Chromium to open the page in.")
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    options = (*FLAGS, offline, f"--user-data-dir={folder / 'profile'}")
    return subprocess.run(
        [CHROMIUM, *options, *arguments], capture_output=True, text=True, timeout=120, check=True
    ).stdout
