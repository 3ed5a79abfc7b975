"""What a data set holds, how far its splits differ, and whether its validation split can be trusted."""

import numpy as np

from .corpus import SPLITS, chunks, standardise

RIDGE = 0.1  # penalty on the weights of the linear model, for each training utterance


def report(corpus):
    """The answer as a text of tables and warnings."""
    N, rows = len(corpus.classes), {split: corpus.utterances(split) for split in SPLITS}
    shares = {split: np.bincount(corpus.labels[index], minlength=N) / max(len(index), 1) if N else ()
              for split, index in rows.items()}
    lines = [
        f"{corpus.name}, {corpus.source} data: {len(corpus.video_ids)} videos of up to {corpus.lengths.max()} "
        f"utterances, {N or 'no'} classes{', features are outputs of a UCLN' * corpus.contextual}", "",
        _line("", "videos", "utterances", *corpus.classes),
        *(_line(split, len(corpus.split[split]), len(rows[split]), *shares[split]) for split in SPLITS), "",
        _line("modality", "width", *(f"not in {split}" for split in SPLITS))]
    for m, x in corpus.features.items():
        missing = (sum(int(np.isnan(part[:, 0]).sum()) for _, part in chunks(x, rows[split])) for split in SPLITS)
        lines.append(_line(m, x.shape[1], *missing))
    if not (N and all(map(len, rows.values()))):
        return "\n".join([*lines, "", "the splits are not compared: one is empty, or nothing is labelled"])

    # Three standard errors of the difference of two shares, but five points at least.
    margin = max(0.05, 3 * np.sqrt(0.25 / len(rows["validation"]) + 0.25 / len(rows["test"])))
    lines += ["", _line("linear model", *SPLITS, "test shift")]
    warnings = []
    for m, z in standardise(corpus).features.items():
        accuracy = linear_accuracy(z, corpus.labels, N, rows)
        shift = np.abs(sum(part.sum(axis=0) for _, part in chunks(z, rows["test"])) / len(rows["test"])).mean()
        lines.append(_line(m, *accuracy.values(), f"{shift:.2f}"))
        if accuracy["validation"] - accuracy["test"] > margin:
            warnings.append(
                f"warning: a linear model of {m} is right on {100 * accuracy['validation']:.1f} % of validation and on "
                f"{100 * accuracy['test']:.1f} % of test: the features may know the validation labels, so choose "
                "nothing by validation accuracy")
    moved = 100 * np.abs(shares["train"] - shares["test"]).max()
    return "\n".join([*lines, "", "test shift: distance of a column's mean in test from that in train, in standard "
                      f"deviations, on average; the share of a class moves by up to {moved:.1f} points", *warnings])


def linear_accuracy(z, labels, N, rows):
    """Accuracy on each split of ridge regression from standardised features (n, d) to the one-hot labels of train."""
    train = rows["train"]
    y = np.eye(N)[labels[train]]
    share, gram, moment = y.mean(axis=0), RIDGE * len(train) * np.eye(z.shape[1]), 0
    for start, x in chunks(z, train):
        gram += x.T @ x
        moment = moment + x.T @ (y[start:start + len(x)] - share)
    W = np.linalg.solve(gram, moment)  # (d, N)
    return {split: sum(int(((x @ W + share).argmax(axis=1) == labels[index[start:start + len(x)]]).sum())
                       for start, x in chunks(z, index)) / len(index) for split, index in rows.items()}


def _line(first, *cells):
    """A row of a table; shares are shown in percent."""
    return f"{first:<14}" + "".join(f" {f'{100 * c:.1f} %' if isinstance(c, float) else c:>17}" for c in cells)
