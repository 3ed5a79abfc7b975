"""Parts of the tables in Markdown."""

import math


def page(*parts):
    """The parts that are not empty, as paragraphs."""
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(title, source):
    """The title of a table. Synthetic data is named in it."""
    return f"## {title}" + (", SYNTHETIC data" if source == "synthetic" else "")


def grid(header, lines):
    """A table. Arguments: the texts of the header; a list of texts per line."""
    rows = [header, ["---"] * len(header), *lines]
    texts = []
    for row in rows:
        cells = [text.replace("|", r"\|") for text in row]
        texts.append(f"| {' | '.join(cells)} |")
    return "\n".join(texts)


def with_half_width(mean, half, *, places=2):
    """ "79.61 ± 0.36"; the mean alone where there is no interval."""
    text = f"{mean:.{places}f}"
    return text if math.isnan(half) else f"{text} ± {half:.{places}f}"


def with_ends(mean, low, high, *, places=2, sign=""):
    """ "79.61 [77.02, 82.20]"; the mean alone where there is no interval.

    - sign: "+" if positive numbers have a sign.
    """
    form = f"{sign}.{places}f"
    text = format(mean, form)
    return text if math.isnan(low) else f"{text} [{format(low, form)}, {format(high, form)}]"
