"""``python -m argf_np.evaluate runs/NAME``: how often a model is right, on its own data or on other data."""

import sys
from pathlib import Path

import numpy as np

from . import data, metrics
from .estimator import ARGF, labels_among
from .support.commands import Parser, exit_code


def majority(labels, N):
    """Shares (n, N) of the classes among some labels, for each of them: what guessing without features gives."""
    return np.tile(np.bincount(labels, minlength=N) / len(labels), (len(labels), 1))


def format_scores(lines, classes):
    """A table of ``{name: metrics.scores}``; a line may also be a list of fractions, for the first columns."""
    def cells(scores):
        return scores if isinstance(scores, list) else [
            scores["accuracy"], scores["f1_weighted"], *(scores["per_class"][name]["accuracy"] for name in classes)]

    head = max(18, *(len(name) + 2 for name in lines))
    width = max(13, *(len(name) + 2 for name in classes))
    return "\n".join([
        " " * head + "".join(f"{name:>{width}}" for name in ("accuracy", "weighted F1", *classes)),
        *(f"{name:<{head}}" + "".join(f"{100 * value:{width - 2}.2f} %" for value in cells(scores))
          for name, scores in lines.items())])


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line on stderr."""
    p = Parser(prog="python -m argf_np.evaluate", description="Evaluate a model on each split of labelled data.")
    p.add_argument("run", type=Path, help="folder of a run, or the file of a model")
    p.add_argument("--data", metavar="PATH", help="labelled videos with raw features [the data of the run]")
    p.add_argument("--data-dir", metavar="DIR", help="folder of the data sets [$ARGF_NP_DATA, else the user's cache]")
    options = p.parse_args(arguments)

    def work():
        model = ARGF.load(options.run)
        named = options.data or model.settings.dataset
        source = "auto" if options.data else model.data["source"]
        videos = data.load(named, options.data_dir, source)
        labels, N = labels_among(model.classes, videos), len(model.classes)
        probabilities, lines = model.predict_proba(videos), {}
        for split in videos.split:
            if len(rows := videos.utterances(split)):
                for name, p in ((split, probabilities[rows]), ("  majority class", majority(labels[rows], N))):
                    name = name if name == split else f"{name} of {split}"
                    lines[name] = metrics.scores(labels[rows], p.argmax(axis=1), model.classes)
        print(f"{model!r}", "", format_scores(lines, model.classes), "",
              "Under a class: the accuracy on its utterances. Of its own data, the model has seen the split train.",
              sep="\n")

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
