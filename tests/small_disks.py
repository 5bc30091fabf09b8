"""Disks of 2 MB in memory, to be filled up."""

import contextlib
import gc
import os
import subprocess

import pytest


@contextlib.contextmanager
def mounted(folder):
    """Mounts a small disk for a while, or skips the test where that is not allowed."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        gc.collect()  # closes what a failed command may have left to be collected
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder, *, leave):
    """Fills a disk up to some bytes for a while."""
    ballast, left = folder / "ballast", os.statvfs(folder)
    ballast.write_bytes(b"x" * max(left.f_bavail * left.f_frsize - leave, 0))
    try:
        yield
    finally:
        ballast.unlink()
