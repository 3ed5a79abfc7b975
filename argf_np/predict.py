"""``python -m argf_np.predict runs/NAME --data PATH --out FILE``: the classes of new videos."""

import sys
from pathlib import Path

from . import data
from .commands import Parser, exit_code
from .estimator import load
from .storage import files


def write_predictions(path, videos, classes, rows, probabilities):
    """Write a CSV with one line per utterance.

    Columns: id, words, true class if there is one, predicted class, probability of each class.

    Arguments
        - rows: indices of the utterances.
        - probabilities (len(rows), N): columns as in ``classes``.
    """
    lines = []
    for i, p in zip(rows, probabilities, strict=True):
        line = {"id": videos.ids[i], "words": videos.words[i]}
        if videos.classes:
            line["truth"] = videos.classes[videos.labels[i]]
        line["prediction"] = classes[p.argmax()]
        for name, value in zip(classes, p, strict=True):
            line[f"p_{name}"] = f"{value:.6f}"
        lines.append(line)
    files.write_csv(path, lines)


def parser():
    """The command line."""
    p = Parser(prog="python -m argf_np.predict",
               description="Predict the classes of videos with a trained model.")
    p.add_argument("run", type=Path, help="folder of a run, or the file of a model")
    p.add_argument("--data", required=True, metavar="PATH",
                   help="the videos, with raw features; labels may be missing: a file or folder of "
                   "any known format")
    p.add_argument("--out", required=True, type=Path, metavar="FILE",
                   help="CSV file for the predictions")
    return p


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line."""
    options = parser().parse_args(arguments)
    return exit_code(lambda: work(options))


def work(options):
    """The command with its flags."""
    model, videos = load(options.run), data.read(options.data)
    probabilities = model.predict_proba(videos)
    rows = range(len(videos.ids))
    write_predictions(options.out, videos, model.classes, rows, probabilities)
    print(f"{len(videos.ids)} utterances of {len(videos.video_ids)} videos: predictions are in "
          f"{options.out}")


if __name__ == "__main__":
    sys.exit(main())
