"""``python -m argf_np.predict runs/NAME --data PATH --out FILE``: the classes of new videos."""

import sys
from pathlib import Path

import numpy as np

from . import data, run_folder
from .commands import Parser, exit_code
from .errors import SettingError
from .estimator import load
from .storage import files


def write_predictions(path, videos, classes, rows, probabilities):
    """Write a CSV with one line per utterance, in the order of the data's rows.

    Columns: id; words, empty where there are none; true class if there is one; predicted class;
    probability of each class.

    Arguments
        - rows: indices of the utterances.
        - probabilities (len(rows), N): columns as in ``classes``.
    """
    lines = []
    for place in np.argsort(videos.row[rows]):
        i, p = rows[place], probabilities[place]
        words = videos.words[i]
        line = {"id": videos.ids[i], "words": "" if words == videos.ids[i] else words}
        if videos.classes:
            line["truth"] = videos.classes[videos.labels[i]]
        line["prediction"] = classes[p.argmax()]
        for name, value in zip(classes, p, strict=True):
            line[f"p_{name}"] = f"{value:.6f}"
        lines.append(line)
    files.write_csv(path, lines)


def require_no_input(out, source, model):
    """Refuse to write predictions into the data, over the model, or over a file of a run.

    - source, model: the paths of the data and of the model.
    """
    path, source = out.resolve(), Path(source).resolve()
    is_beside = path.parent == source.parent and path.suffix in (".pickle", ".pkl")
    if path == model.resolve() or (is_beside and path.exists()):
        raise SettingError(f"--out {out}: expected a file that is not an input")
    if path.is_relative_to(source):
        raise SettingError(f"--out {out}: expected a file outside of the data in {source}")
    is_of_run = path.name in run_folder.NAMES and (path.parent / "config.json").exists()
    if is_of_run:
        raise SettingError(f"--out {out}: expected a file other than those of the run in "
                           f"{path.parent}")


def parser():
    """The command line."""
    p = Parser(prog="python -m argf_np.predict",
               description="Predict the classes of videos with a trained model.")
    p.add_argument("run", type=Path, help="folder of a run, or the file of a model")
    p.add_argument("--data", required=True, metavar="PATH",
                   help="the videos, with raw features; labels may be missing: a file or folder of "
                   "any known format")
    p.add_argument("--out", required=True, type=Path, metavar="FILE",
                   help="CSV file for the predictions, one line per utterance, in the order of the "
                   "data's rows; it is replaced if it exists, unless it belongs to the data or to "
                   "a run")
    return p


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line."""
    options = parser().parse_args(arguments)
    return exit_code(lambda: work(options))


def work(options):
    """The command with its flags."""
    require_no_input(options.out, options.data, options.run)
    model, videos = load(options.run), data.read(options.data)
    probabilities = model.predict_proba(videos)
    rows = np.arange(len(videos.ids))
    write_predictions(options.out, videos, model.classes, rows, probabilities)
    print(f"{len(rows)} utterances of {len(videos.video_ids)} videos: predictions are in "
          f"{options.out}, in the order of the data's rows")


if __name__ == "__main__":
    sys.exit(main())
