"""``python -m argf_np.predict runs/NAME --data PATH --out FILE``: the classes of new videos, from raw features."""

import sys
from pathlib import Path

from . import data
from .estimator import ARGF
from .support import files
from .support.commands import Parser, exit_code


def write_predictions(path, videos, classes, rows, probabilities):
    """One row an utterance: id, words, true class if there is one, predicted class, probability of each class.

    Arguments: classes, names of the columns of probabilities (len(rows), N); rows, numbers of the utterances.
    """
    files.write_csv(path, [
        {"id": videos.ids[i], "words": videos.words[i],
         **({"truth": videos.classes[videos.labels[i]]} if videos.classes else {}),
         "prediction": classes[p.argmax()],
         **{f"p_{name}": f"{value:.6f}" for name, value in zip(classes, p, strict=True)}}
        for i, p in zip(rows, probabilities, strict=True)])


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line on stderr."""
    p = Parser(prog="python -m argf_np.predict", description="Predict the classes of videos with a trained model.")
    p.add_argument("run", type=Path, help="folder of a run, or the file of a model")
    p.add_argument("--data", required=True, metavar="PATH",
                   help="the videos, with raw features; labels may be missing: a file or folder of any known format")
    p.add_argument("--out", required=True, type=Path, metavar="FILE", help="CSV file for the predictions")
    options = p.parse_args(arguments)

    def work():
        model, videos = ARGF.load(options.run), data.read(options.data)
        probabilities = model.predict_proba(videos)
        write_predictions(options.out, videos, model.classes, range(len(videos.ids)), probabilities)
        print(f"{len(videos.ids)} utterances of {len(videos.video_ids)} videos: predictions are in {options.out}")

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
