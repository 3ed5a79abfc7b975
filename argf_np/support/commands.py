"""What the commands share: their errors, and what they say while they work."""

import argparse
import sys
import time

from ..errors import ArgfError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message):
        self.exit(2, f"error: {message}\n")


def exit_code(work):
    """``work()``, and the exit code: 0; 2 for an expected error, 130 for Ctrl-C, each with one line on stderr."""
    try:
        work()
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
        print("\ninterrupted" + "".join(f": {text}" for text in error.args), file=sys.stderr)
        return 130
    return 0


class Progress:
    """What a run says while it works: one live line on a terminal, plain lines elsewhere, nothing if quiet."""

    def __init__(self, quiet, stream):
        self.quiet, self.stream = quiet, stream
        self.live, self.width = stream.isatty(), 0

    def begin(self, stage, epochs, done=0):
        """A stage of some epochs begins, of which some are done already."""
        self.stage, self.epochs, self.done, self.begun = stage, epochs, done, time.perf_counter()

    def epoch(self, epoch, values):
        """An epoch has ended: show ``{name: value}``, seconds an epoch and seconds left of this stage."""
        pace = (time.perf_counter() - self.begun) / (epoch - self.done)
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.say(f"{self.stage}  epoch {epoch}/{self.epochs}  {numbers}  {pace:.2f} s an epoch, "
                 f"{pace * (self.epochs - epoch):.0f} s left", passing=epoch < self.epochs)

    def say(self, text, passing=False):
        """Show a line; on a terminal a passing one is overwritten by the next."""
        if not self.quiet:
            begin, end = ("\r", "" if passing else "\n") if self.live else ("", "\n")
            print(begin + text.ljust(self.width), end=end, file=self.stream, flush=True)
            self.width = len(text) if self.live and passing else 0
