"""One process per folder, by a lock that ends with the process, however the process ends."""

import errno
import os
from contextlib import contextmanager

from ..errors import InUseError

try:
    import fcntl

    def _acquire(file):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except ImportError:  # Windows
    import msvcrt

    def _acquire(file):
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


@contextmanager
def locked(folder):
    """Make the folder, hold it for this process, and remove half-written files of a killed one.

    Raises InUseError where another process holds it, NotADirectoryError where something else has
    its name. The lock is the operating system's, on the empty file ``.lock``. The file stays:
    removing it could remove the lock of another process.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "expected a folder", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "ab") as file:
        try:
            _acquire(file)
        except (BlockingIOError, PermissionError):
            raise InUseError(f"{folder}: another process is working in this folder") from None
        _remove_parts(folder)
        yield


def _remove_parts(folder):
    """Remove what a killed process left half-written.

    It looks only where a run or a table writes: other folders within are not locked.
    """
    for place in (folder, folder / "figures", folder / "runs"):
        for part in place.glob(".*.part"):
            part.unlink()
