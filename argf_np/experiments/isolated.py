"""A call in a process of its own, with one BLAS thread: it gives the same bits wherever it is made.

If the process dies it takes nothing else with it; if the caller dies, however it does, the process ends too.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading

ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
running: set[subprocess.Popen] = set()  # of this process; who kills them, ends their calls


class CallError(RuntimeError):
    """The process of a call ended without a result."""


def call(function, *arguments):
    """``function(*arguments)`` in a new process; all of it, and what comes back, can be pickled.

    What the process says on stderr is not shown; of a process that fails, CallError says the last line of it.
    """
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryFile() as errors, subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0,
            env=environment, start_new_session=True) as process:  # a session of its own: Ctrl-C is for the caller
        running.add(process)
        try:
            with contextlib.suppress(BrokenPipeError):  # it died at once
                process.stdin.write(pickle.dumps((function, arguments)))
            output = process.stdout.read()  # stdin stays open until then: it tells the process that we live
            if process.wait() == 0:
                return pickle.loads(output)
        finally:
            running.discard(process)
        errors.seek(0)
        said = errors.read().decode(errors="replace").split("\n")
    if process.returncode < 0:
        raise CallError(f"killed by {signal.Signals(-process.returncode).name}")
    raise CallError(next((line for line in reversed(said) if line), f"ended with code {process.returncode}"))


def main():
    """What the new process does."""
    function, arguments = pickle.load(sys.stdin.buffer)
    threading.Thread(target=end_with_caller, daemon=True).start()
    with contextlib.redirect_stdout(sys.stderr):
        result = function(*arguments)
    pickle.dump(result, sys.stdout.buffer)


def end_with_caller():
    """Wait until the other end of stdin is closed, by the caller or by its death, and end this process."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main()
