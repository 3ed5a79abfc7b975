"""One process a folder: a lock that goes when its process does, however it ends."""

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
    """Hold the folder for this process. Raises InUseError where another one holds it.

    The system's lock on the empty file ``.lock``, which stays: whoever removed it could remove that of another process.
    """
    with open(folder / ".lock", "ab") as file:
        try:
            _acquire(file)
        except (BlockingIOError, PermissionError):
            raise InUseError(f"{folder}: another process is working in this folder") from None
        yield
