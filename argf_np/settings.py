"""Settings of a run: names, allowed values, where each default comes from, presets of the data sets (D13)."""

from argparse import SUPPRESS
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral, Real

from .baselines import MODELS
from .errors import SettingError
from .fusion import FUSIONS

NUMBERS = {int: Integral, float: Real}  # what may stand for a number of a type, NumPy's too


def setting(default, help, expected, allowed):
    """A field of `Settings`: its help text, what is expected in words, and a test of a value."""
    return field(default=default, metadata={"help": help, "expected": expected, "allowed": allowed})


def choice(default, help, *names):
    """A setting that is one of some names."""
    return setting(default, help, f"one of {', '.join(names)}", lambda value: value in names)


def whole(default, help, least=1):
    """A setting that is a whole number of at least ``least``."""
    return setting(default, help, f"a whole number from {least}", lambda value: value >= least)


@dataclass(frozen=True)
class Settings:
    """Everything besides the data that decides the outcome of a run; the defaults are those for MOSI.

    Raises SettingError, one line that names the flag, for a value that is not allowed.
    """

    dataset: str = setting("mosi", "mosi, mosei or iemocap, whose preset gives the other defaults; or the path of a "
                           "file or folder", "a name or a path", bool)
    modalities: str = setting("a,l,v", "modalities to use, separated by commas [all of the data, the paper's three]",
                              "two names or more, each once", lambda v: len(v.split(",")) == len({*v.split(",")}) > 1)
    target: str = setting("l", "target modality, the others are translated to it [Table 1, D15]", "a modality", bool)
    model: str = choice("argf", "ARGF, or a baseline [Table 1]", *MODELS)
    fusion: str = choice("gfn", "how the modalities are fused [the paper's graph; Table 6]", *FUSIONS)
    without: str = choice("nothing", "what is left out [Table 5; embedding: the fusion reads the UCLN features]",
                          "nothing", "adversarial", "classifier", "decoder", "embedding")
    variant: str = choice("paper", "what the paper prints, or what its authors' code computes [D2-D12]",
                          "paper", "released")
    protocol: str = choice(
        "fixed", "which parameters count: fixed, an average over a number of epochs set beforehand; validation, the "
        "epoch of the lowest validation loss; transductive, fixed, and the balance of the classes is guessed from all "
        "test features together; released, the epoch of the best test accuracy, which peeks [D14]",
        "fixed", "validation", "transductive", "released")
    seed: int = whole(0, "seed of all random numbers", 0)
    epochs: int = whole(20, "epochs of ARGF [this project: fixed before any run]")
    batch_size: int = whole(16, "utterances in a batch [authors' script, D13]")
    lr: float = setting(1e-3, "learning rate of Adam [authors' script, D13]", "a number above 0, below 1e9",
                        lambda v: 0 < v < 1e9)
    weight_decay: float = setting(5e-3, "L2 weight decay of Adam [authors' script, D13]", "a number from 0, below 1e9",
                                  lambda v: 0 <= v < 1e9)
    drop_rate: float = setting(0.5, "share of units that dropout drops [authors' script, D13]",
                               "a number from 0 to below 1", lambda v: 0 <= v < 1)
    k: int = whole(50, "width of the embedding [authors' script, D13]")
    lambda_: float = setting(1e-3, "lambda of Eq. 9 [authors' script, D13]", "a number from 0 to 1",
                             lambda v: 0 <= v <= 1)
    learn_w: bool = setting(False, "learn the weight w of Eq. 3 and 4, which then falls to 0 [off, D1]",
                            "a switch", lambda v: True)
    activations: str = choice("first", "activations that a batch's later updates see [authors' script, D6]",
                              "first", "fresh")
    d: int = whole(50, "width of the UCLN's output [Experimental details]")
    ucln_epochs: int = whole(5, "epochs of each UCLN [this project: chosen on held-out training videos, RESULTS.md]")
    dtype: str = choice("float32", "type of all numbers", "float32", "float64")

    def __post_init__(self):
        for spec in fields(self):
            object.__setattr__(self, spec.name, checked(spec, getattr(self, spec.name)))  # the class is frozen
        if self.target not in self.modalities.split(","):
            raise SettingError(f"--target {self.target}: expected one of {self.modalities.replace(',', ', ')}")

    @property
    def target_row(self):
        """Row of the target modality in arrays (m, B, ...)."""
        return self.modalities.split(",").index(self.target)


def checked(spec, value):
    """The value of a field of `Settings` as its plain type. Raises SettingError if it is not allowed."""
    if not (isinstance(value, NUMBERS.get(spec.type, spec.type)) and spec.metadata["allowed"](value)):
        raise SettingError(f"{flag(spec.name)} {value}: expected {spec.metadata['expected']}")
    return spec.type(value)


def flag(name):
    """The flag of a setting: ``lambda_`` -> ``--lambda``."""
    return "--" + name.rstrip("_").replace("_", "-")


def command_line(settings):
    """The flags that give these settings."""
    return " ".join(flag(name) if value is True else f"{flag(name)} {value}"
                    for name, value in asdict(settings).items() if value is not False)


def add_flags(parser, *without):
    """Give a command's argument parser a flag for each setting, but for those named; what is not given is left out."""
    for spec in fields(Settings):
        if spec.name in without:
            continue
        others = {name: values[spec.name] for name, values in PRESETS.items() if spec.name in values}
        default = ", ".join([str(spec.default), *(f"{name} {value}" for name, value in others.items())])
        how = {"action": "store_true"} if spec.type is bool else {
            "type": spec.type, "metavar": spec.name.rstrip("_").upper()}
        parser.add_argument(flag(spec.name), dest=spec.name, default=SUPPRESS,
                            help=f"{spec.metadata['help']} (default {default})", **how)


# What the comments of the authors' scripts give, as far as it differs from the defaults (D13).
PRESETS = {
    "mosi": {},
    "mosei": {"k": 150, "drop_rate": 0.2, "lr": 1e-2, "weight_decay": 0.0, "lambda_": 0.1},
    "iemocap": {"k": 100, "drop_rate": 0.1, "batch_size": 32, "weight_decay": 1e-2, "d": 100},
}


def preset(name, /, **changes):
    """The settings of a data set with ``changes``; the defaults for one that the paper does not have."""
    return Settings(**({"dataset": name} | PRESETS.get(name, {}) | changes))


def settings_for(corpus, **changes):
    """The settings for a corpus with ``changes``: the preset of its data set, its own modalities in its order.

    The target is language unless it is given, or the first modality where there is no language.
    Raises SettingError for a modality that the corpus does not have.
    """
    asked = changes.get("modalities", ",".join(corpus.features)).split(",")
    if unknown := [m for m in asked if m not in corpus.features]:
        raise SettingError(f"--modalities {changes['modalities']}: expected some of {', '.join(corpus.features)}, "
                           f"not {unknown[0]}")
    modalities = [m for m in corpus.features if m in asked]
    ours = {"modalities": ",".join(modalities), "target": "l" if "l" in modalities else modalities[0]}
    return preset(corpus.name, **(ours | changes | {"modalities": ours["modalities"]}))


# Tables 1 to 3: average accuracy and F1 of ARGF in percent, by data set and target modality.
PAPER = {
    ("mosi", "l"): (81.38, 81.52), ("mosi", "a"): (81.25, 81.32), ("mosi", "v"): (81.12, 81.25),
    ("iemocap", "l"): (60.69, 59.53), ("iemocap", "a"): (60.20, 59.75), ("iemocap", "v"): (60.20, 59.81),
    ("mosei", "l"): (60.88, 58.92), ("mosei", "a"): (60.55, 59.52), ("mosei", "v"): (60.88, 58.66),
}
