"""Errors that are one line for people. A command prints that line and ends with exit code 2."""


class ArgfError(ValueError):
    """The root of them all: something cannot be done as it was asked for."""

    def __str__(self):
        """The message on one line, even if a value in it has several lines."""
        return " ".join(super().__str__().splitlines())


class DataError(ArgfError):
    """Data that cannot be used. The message names the file, the place, the value and what was
    expected."""


class SettingError(ArgfError):
    """A setting that is not allowed.

    Where ``name`` is given, the message begins with it; a command shows the flag instead.
    """

    def __init__(self, message, name=None):
        super().__init__(message)
        self.name = name


class ModelError(ArgfError):
    """A file that holds no usable model or checkpoint, or a model that is not fitted yet."""


class InUseError(ArgfError):
    """A folder in which another process is working."""


class NotFiniteError(ArgfError):
    """A number that became infinite or NaN during training."""
