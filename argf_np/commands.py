"""What the commands share: errors and progress on the screen, and ``--check-finite``."""

import argparse
import os
import sys
import time
from contextlib import contextmanager

import numpy as np
from autograd.extend import defvjp, primitive
from autograd.tracer import isbox

from .errors import ArgfError, NotFiniteError, SettingError
from .nn import ops
from .settings import flag


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line.

    Text that the terminal's encoding does not know is escaped from here on instead of raising.
    """

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    def error(self, message):
        self.exit(2, f"error: {message}\n")


def exit_code(work):
    """Call ``work()`` and return the exit code of the command.

    0; 2 for an expected error; 130 for Ctrl-C. Errors are one line on stderr.
    """
    try:
        work()
    except SettingError as error:
        text = str(error)
        if error.name:
            text = flag(error.name) + text.removeprefix(error.name)
        print(f"error: {text}", file=sys.stderr)
        return 2
    except ArgfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    except MemoryError as error:  # tensor fusion of many modalities
        print(f"error: not enough memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        hint = "".join(f": {text}" for text in error.args)
        print(f"\ninterrupted{hint}", file=sys.stderr)
        return 130
    return 0


class Progress:
    """Shows what a run is doing: one live line on a terminal, at most 21 per stage elsewhere."""

    def __init__(self, quiet, stream):
        self.quiet, self.stream = quiet, stream
        self.live, self.width = not quiet and stream.isatty(), 0

    def begin(self, stage, epochs, done=0):
        """A stage of some epochs begins; some of them may be done already."""
        self.stage, self.epochs, self.done = stage, epochs, done
        self.begun = time.perf_counter()

    def epoch(self, epoch, values):
        """An epoch has ended: show ``{name: value}``, seconds per epoch, seconds that are left."""
        is_next_twentieth = 20 * epoch // self.epochs > 20 * (epoch - 1) // self.epochs
        if not (self.live or is_next_twentieth or epoch == 1):
            return
        pace = (time.perf_counter() - self.begun) / (epoch - self.done)
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        left = pace * (self.epochs - epoch)
        self.say(f"{self.stage}  epoch {epoch}/{self.epochs}  {pace:.2f} s per epoch, "
                 f"{left:.0f} s left  {numbers}", passing=epoch < self.epochs)

    def say(self, text, passing=False):
        """Show a line. On a terminal the next line overwrites a passing one."""
        if self.quiet:
            return
        begin, end = "", "\n"
        if self.live:
            if passing:  # a line that wraps could not be overwritten
                columns = os.get_terminal_size(self.stream.fileno()).columns or 80
                text = text[:columns - 1]
            begin = "\r"
            end = "" if passing else "\n"
        print(begin + text.ljust(self.width), end=end, file=self.stream, flush=True)
        self.width = len(text) if self.live and passing else 0

    def close(self):
        """End a line that the next one would have overwritten."""
        if self.width:
            print(file=self.stream, flush=True)
            self.width = 0


@contextmanager
def checked_operations():
    """Name the operation of `nn.ops` that first gives an infinite or NaN value or gradient."""
    originals = {name: getattr(ops, name) for name in ops.NAMES if name != "pull_each"}
    running = []  # an operation that calls others is looked at as a whole
    for name, operation in originals.items():
        setattr(ops, name, _checked(name, operation, running))
    try:
        yield
    finally:
        for name, operation in originals.items():
            setattr(ops, name, operation)


def _checked(name, operation, running):
    """The operation, with its inputs and outputs looked at in the forward and backward pass."""
    inputs = _watched(name, "its input", "the gradient with respect to its input")
    output = _watched(name, "its output", "the gradient with respect to its output")

    def watch(value):
        if isinstance(value, dict):
            return {key: watch(part) for key, part in value.items()}
        if isinstance(value, np.ndarray) or isbox(value):
            return inputs(value)
        return value

    def run(*arguments, **named):
        if running:
            return operation(*arguments, **named)
        running.append(name)
        try:
            value = operation(*map(watch, arguments), **named)
        finally:
            running.pop()
        return output(value)

    return run


def _watched(name, forward, backward):
    """The identity, which raises NotFiniteError where a value or a gradient is not finite."""
    def require(x, what):
        if isinstance(x, (np.ndarray, np.floating)) and not np.isfinite(x).all():
            raise NotFiniteError(f"operation {name}: {what} of shape {np.shape(x)} is not finite")
        return x

    @primitive
    def identity(x):
        return require(x, forward)

    defvjp(identity, lambda y, x: lambda g: require(g, backward))
    return identity
