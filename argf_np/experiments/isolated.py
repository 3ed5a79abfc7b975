"""A call in a process of its own, with one BLAS thread: it gives the same bits wherever it is made.

If the process dies, it takes nothing else with it. If the caller dies, for whatever reason, the
process ends too.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading

from ..errors import ArgfError

NAMES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
running: set[subprocess.Popen] = set()  # of this process; killing them ends their calls


class CallError(ArgfError):
    """The process of a call ended without a result."""


def call(function, *arguments):
    """``function(*arguments)`` in a new process; all of it, and the result, can be pickled.

    What the process says on stderr is not shown. If it fails, CallError says the last line of it.
    """
    environment = os.environ | dict.fromkeys(NAMES, "1")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    with tempfile.TemporaryFile() as errors, subprocess.Popen(
            [sys.executable, "-m", __name__], bufsize=0, env=environment, stderr=errors,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True) as process:  # so that Ctrl-C is for the caller alone
        running.add(process)
        try:
            with contextlib.suppress(BrokenPipeError):  # it died at once
                process.stdin.write(pickle.dumps((function, arguments)))
            # stdin stays open until there is a result: it tells the process that we live
            output = process.stdout.read()
            if process.wait() == 0:
                return pickle.loads(output)
        finally:
            running.discard(process)
        errors.seek(0)
        lines = [line for line in errors.read().decode(errors="replace").split("\n") if line]
    if process.returncode < 0:
        raise CallError(f"killed by {signal.Signals(-process.returncode).name}")
    raise CallError(lines[-1] if lines else f"ended with code {process.returncode}")


def main():
    """What the new process does."""
    function, arguments = pickle.load(sys.stdin.buffer)
    threading.Thread(target=end_with_caller, daemon=True).start()
    with contextlib.redirect_stdout(sys.stderr):
        result = function(*arguments)
    pickle.dump(result, sys.stdout.buffer)


def end_with_caller():
    """Wait until the caller, or its death, closes the other end of stdin, and end this process."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main()
