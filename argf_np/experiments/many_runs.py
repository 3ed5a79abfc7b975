"""Many runs at the same time, on any `concurrent.futures.Executor`, with one live line."""

import time
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, wait

from ..train import run_name
from . import isolated, runs

ATTEMPTS = 3  # of a run whose worker dies


def execute_all(missing, source, place, data, keep, workers, live, budget=None):
    """Execute runs, each in a process of its own. A run whose worker dies is repeated.

    - missing: list of `Settings`, each once. source, place, data: as in `runs.execute`.
    - keep: called with the settings and the result of each run as soon as it has ended.
    - workers: ``(executor, slots)``; ``slots()`` is how many runs it has at a time.
    - live: a `Live`.
    - budget: seconds after which no run is started; None for no limit.

    Returns ``{name: error}`` of the runs that failed.
    """
    executor, slots = workers
    waiting, pending, attempts, failed = deque(missing), {}, Counter(), {}
    begun = time.monotonic()
    try:
        while pending or (waiting and in_time(begun, budget)):
            while waiting and len(pending) < max(1, slots()) and in_time(begun, budget):
                settings = waiting.popleft()
                attempts[settings] += 1
                future = executor.submit(isolated.call, runs.attempt, settings, source, place, data)
                pending[future] = settings
            live.show(len(waiting), len(pending), len(failed))
            for future in wait(pending, 1, FIRST_COMPLETED).done:
                settings, result = pending.pop(future), outcome(future)
                if isinstance(result, dict):
                    keep(settings, result)
                elif isinstance(result, Exception) and attempts[settings] < ATTEMPTS:
                    waiting.appendleft(settings)
                else:
                    failed[run_name(source, settings)] = in_words(result)
        live.show(len(waiting), 0, len(failed), last=True)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("finished runs are kept, start again to continue") from None
    finally:
        end(pending)
    return failed


def in_time(begun, budget):
    """Whether the budget, in seconds, is not used up."""
    return budget is None or time.monotonic() - begun < budget


def outcome(future):
    """The result of a run; or its error, a text; or the exception that ended its worker."""
    try:
        return future.result()
    except Exception as error:
        return error


def in_words(error):
    """The error of a run, or the exception that ended its worker each time, as one line."""
    if isinstance(error, str):
        return error
    return f"tried {ATTEMPTS} times: " + " ".join(str(error.__cause__ or error).split())


def end(pending):
    """End the runs that are under way, as after Ctrl-C or on a full disk."""
    while wait(pending, 0).not_done:
        for future in pending:
            future.cancel()
        for process in [*isolated.running]:
            process.kill()
        wait(pending, 0.1)


class Live:
    """How far the runs are: one line that a terminal overwrites; elsewhere a line per tenth."""

    def __init__(self, total, missing, stream):
        self.total, self.missing, self.stream = total, missing, stream
        self.begun, self.shown = time.perf_counter(), -1

    def show(self, waiting, running, failed, last=False):
        """Show the line: runs that wait, runs that are under way, runs that failed."""
        left = waiting + running
        finished = self.missing - left
        line = f"{self.total - left - failed} of {self.total} runs done, {running} running, "
        line += f"{waiting} left"
        if failed:
            line += f", {failed} failed"
        if finished and left and not last:
            pace = (time.perf_counter() - self.begun) / finished
            line += f", {duration(pace * left)} to go"
        tenth = 10 * finished // max(self.missing, 1)
        if self.stream.isatty():
            print(f"\r{line:<78}", end="\n" if last else "", file=self.stream, flush=True)
        elif tenth > self.shown or last:
            self.shown = tenth
            print(line, file=self.stream, flush=True)


def duration(seconds):
    """A time as it is said: in seconds, minutes or hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
