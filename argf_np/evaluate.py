"""``python -m argf_np.evaluate runs/NAME``: how often a model is right, on any data."""

import sys
import textwrap
from pathlib import Path

from . import data, metrics
from .commands import Parser, exit_code
from .data.corpus import short
from .errors import ModelError
from .estimator import load
from .run_folder import read_configuration


def format_scores(lines, classes):
    """A table of ``{name: scores}``.

    A line is the result of `metrics.scores`, or a list of fractions for the first columns.
    """
    names = ("accuracy", "weighted F1", *map(short, classes))
    head = max(18, *(len(name) + 2 for name in lines))
    width = max(len(name) + 2 for name in names)
    text = [" " * head + "".join(f"{name:>{width}}" for name in names)]
    for name, scores in lines.items():
        cells = scores
        if not isinstance(scores, list):
            of_classes = [scores["per_class"][c]["accuracy"] for c in classes]
            cells = [scores["accuracy"], scores["f1_weighted"], *of_classes]
        text.append(f"{name:<{head}}"
                    + "".join(f"{100 * value:{width - 2}.2f} %" for value in cells))
    return "\n".join(text)


def data_dir_of(run):
    """Where a run found the data sets; None if the path is not that of a run."""
    try:
        return read_configuration(run)["data_dir"]
    except ModelError:
        return None


def parser():
    """The command line."""
    p = Parser(prog="python -m argf_np.evaluate",
               description="Evaluate a model on each split of labelled data.")
    p.add_argument("run", type=Path, help="folder of a run, or the file of a model")
    p.add_argument("--data", metavar="PATH",
                   help="labelled videos with raw features; needed for a model that was fitted to "
                   "arrays [the data of the run]")
    p.add_argument("--data-dir", metavar="DIR",
                   help="folder of the data sets [that of the run]")
    return p


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line."""
    options = parser().parse_args(arguments)
    return exit_code(lambda: work(options))


def work(options):
    """The command with its flags."""
    model = load(options.run)
    source = "auto" if options.data else model.data["source"]
    data_dir = options.data_dir or data_dir_of(options.run)
    videos = data.load(options.data or model.settings.dataset, data_dir, source)
    labels = data.labels_among(model.classes, videos)
    probabilities = model.predict_proba(videos)
    lines = {}
    for split in videos.split:
        rows = videos.utterances(split)
        if len(rows) == 0:
            continue
        truth = labels[rows]
        guesses = metrics.most_frequent(truth)
        lines[split] = metrics.scores(truth, probabilities[rows].argmax(axis=1), model.classes)
        lines[f"  majority class of {split}"] = metrics.scores(truth, guesses, model.classes)
    head = textwrap.wrap(repr(model), 100, break_long_words=False, break_on_hyphens=False)
    print(*head, "", format_scores(lines, model.classes), "",
          "Under a class: the accuracy on its utterances. If this is the data of the run, the "
          "model was trained on its split train.", sep="\n")


if __name__ == "__main__":
    sys.exit(main())
