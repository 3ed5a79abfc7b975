"""Errors that are one line for people: a command ends with it and with code 2. One more is `data.DataError`."""


class ExpectedError(ValueError):
    """Something that cannot be done as it was asked for."""


class SettingError(ExpectedError):
    """A setting that is not allowed."""


class ModelError(ExpectedError):
    """A file that holds no model or checkpoint that can be used, or a model that is not fitted yet."""


class InUseError(ExpectedError):
    """A folder in which another process works."""


class NotFiniteError(ExpectedError):
    """A number of the training that became infinite or NaN, in batch number ``step`` from 1."""

    def __init__(self, message, step=None):
        super().__init__(message)
        self.step = step
