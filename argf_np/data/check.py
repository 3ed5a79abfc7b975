"""What a data set holds, whether it can be trained on, and whether its validation split can be trusted."""

import numpy as np

from .corpus import SPLITS, DataError, chunks, standardise

RIDGE = 0.1  # penalty on the weights of the linear model, for each training utterance


def require_trainable(corpus, splits=("train", "test")):
    """Refuse a corpus that a model cannot be trained on.

    Parameters
    ----------
    splits : sequence of str
        Those that are needed: "train", "test" to be evaluated, "validation" to choose by it.

    Raises
    ------
    DataError
        One line: nothing is labelled, there is one class only, a split is empty, or no training utterance has some
        modality or some class, which no model could learn. Validation and test may lack both.
    """
    if reasons := obstacles(corpus, splits):
        raise DataError(f"{corpus.name}: cannot be trained on: {reasons[0]}")


def obstacles(corpus, splits=("train", "test")):
    """Why a corpus cannot be trained on, as `require_trainable` has it: a list of texts, empty if it can."""
    if len(corpus.classes) < 2:
        return [f"all labels are {corpus.classes[0]!r:.60}, expected two classes or more" if corpus.classes
                else "nothing is labelled"]
    reasons = [f"no video is in the split {split}" for split in splits if len(corpus.split[split]) == 0]
    if len(train := corpus.utterances("train")):
        seen = {corpus.classes[c] for c in np.unique(corpus.labels[train])}
        reasons += [f"no training utterance has the class {name!r:.60}, so no model could learn it"
                    for name in corpus.classes if name not in seen]
        reasons += [f"no training utterance has the modality {m}" for m, x in corpus.features.items()
                    if all(np.isnan(part[:, 0]).all() for _, part in chunks(x, train))]
    return reasons


def report(corpus):
    """The answer as a text of tables and warnings."""
    N, rows = len(corpus.classes), {split: corpus.utterances(split) for split in SPLITS}
    shares = {split: np.array([(corpus.labels[index] == c).sum() for c in range(N)]) / max(len(index), 1)
              for split, index in rows.items()}
    lines = [
        f"{corpus.name}, {corpus.source} data: {len(corpus.video_ids)} videos of up to {corpus.lengths.max()} "
        f"utterances, {N or 'no'} class{'es' * (N != 1)}{', features are outputs of a UCLN' * corpus.contextual}", "",
        _line("", "videos", "utterances", *corpus.classes),
        *(_line(split, len(corpus.split[split]), len(rows[split]), *shares[split]) for split in SPLITS), "",
        _line("modality", "width", *(f"not in {split}" for split in SPLITS))]
    for m, x in corpus.features.items():
        missing = (sum(int(np.isnan(part[:, 0]).sum()) for _, part in chunks(x, rows[split])) for split in SPLITS)
        lines.append(_line(m, x.shape[1], *missing))
    lines.append("")
    if reasons := obstacles(corpus):
        return "\n".join([*lines, *(f"not for training: {reason}" for reason in reasons)])
    if len(rows["validation"]) == 0:
        return "\n".join([*lines, "no video is in the split validation, so nothing can be chosen by it"])

    # Three standard errors of the difference of two shares, but five points at least.
    margin = max(0.05, 3 * np.sqrt(0.25 / len(rows["validation"]) + 0.25 / len(rows["test"])))
    lines += [_line("linear model", *SPLITS, "test shift")]
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
