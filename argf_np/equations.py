"""Code numbered by equation: the mark that ties a function to an equation of the paper."""


def equation(number):
    """Decorator: this function computes Eq. ``number`` of the paper; its docstring holds the printed formula."""

    def mark(function):
        function.equation = number
        return function

    return mark
