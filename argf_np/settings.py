"""Settings of a run: names, allowed values, defaults and where they come from, presets (D13)."""

import shlex
from argparse import SUPPRESS, ArgumentTypeError
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral, Real

from .errors import SettingError

NUMBERS = {int: Integral, float: Real}  # what may stand for a number of a type, NumPy's too
MODELS = ("argf", "tfn", "lmf", "bc_lstm", "hffn", "chfusion", "logistic")
FUSIONS = ("gfn", "concatenation", "multiplication", "weighted_average", "tensor", "low_rank",
           "dynamic_graph")
PROTOCOLS = ("fixed", "validation", "released", "best_test")
WITHOUT_PROTOCOL = ("logistic", "bc_lstm", "hffn", "chfusion")  # their last parameters are kept
RELEASED_EPOCHS = 500  # at most; the protocol stops by its patience
ABLATIONS = ("nothing", "adversarial", "classifier", "decoder", "embedding")


def setting(default, help, expected, allowed, names=()):
    """A field of `Settings`: its help text, what is expected in words, and a test of a value.

    - names: all values of a setting that is one of some names.
    """
    metadata = {"help": help, "expected": expected, "allowed": allowed, "names": names}
    return field(default=default, metadata=metadata)


def choice(default, help, names):
    """A setting that is one of some names."""
    def allowed(value):
        return value in names

    return setting(default, help, f"one of {', '.join(names)}", allowed, names)


def whole(default, help, least=1):
    """A setting that is a whole number of at least ``least``."""
    def allowed(value):
        return least <= value < 1e9

    return setting(default, help, f"a whole number from {least}, below 1e9", allowed)


def share(default, help):
    """A setting that is a share of some units."""
    return setting(default, help, "a number from 0 to below 1", _is_share)


def _is_positive(value):
    return 0 < value < 1e9


def _is_positive_or_zero(value):
    return 0 <= value < 1e9


def _is_natural(value):
    return value >= 0


def _is_share(value):
    return 0 <= value < 1


def _is_weight(value):
    return 0 <= value <= 1


def _are_modalities(value):
    names = names_in(value)
    return len(names) > 1 and len(names) == len(set(names)) and all(names)


def _is_switch(value):
    return True


@dataclass(frozen=True)
class Settings:
    """Everything besides the data that decides the outcome of a run; the defaults suit MOSI.

    Raises SettingError, one line that names the setting, for a value that is not allowed.
    """

    dataset: str = setting(
        "mosi", "mosi, mosei or iemocap, whose preset gives the other defaults; or the path of a "
        "file or folder", "a name or a path", bool)
    modalities: str = setting(
        "a,l,v", "modalities to use, separated by commas [all of the data, the paper's three]",
        "two names or more, each once", _are_modalities)
    target: str = setting(
        "l", "target modality, which the others are translated to; own data without a modality l "
        "takes the first of its modalities alphabetically [Table 1, D15]", "a modality", bool)
    model: str = choice("argf", "ARGF, or a baseline [Table 1]", MODELS)
    fusion: str = choice("gfn", "how to fuse the modalities [the paper's graph; Table 6]", FUSIONS)
    without: str = choice(
        "nothing", "what to leave out [Table 5; embedding: the fusion reads the UCLN features]",
        ABLATIONS)
    variant: str = choice("paper", "what the paper prints, or what its authors' code computes "
                          "[D2-D12, D18-D21]", ("paper", "released"))
    protocol: str = choice(
        "fixed", "which parameters are kept: fixed, an average over a number of epochs that is set "
        "beforehand; validation, the epoch of the lowest validation loss; released, that epoch as "
        "the authors' script finds it, within 500 epochs; best_test, the epoch of the best test "
        "accuracy, which peeks [D14]", PROTOCOLS)
    seed: int = setting(0, "seed of all random numbers", "a whole number from 0", _is_natural)
    epochs: int = whole(20, "epochs of ARGF, TFN and LMF, and of HFFN where the validation split "
                        "cannot be trusted [this project: set before any run; protocol released "
                        "500 at most]")
    batch_size: int = whole(16, "utterances per batch [authors' script, D13]")
    lr: float = setting(1e-3, "learning rate of Adam [authors' script, D13]",
                        "a number above 0, below 1e9", _is_positive)
    weight_decay: float = setting(
        5e-3, "L2 weight decay of Adam for losses that are sums over the batch; variant paper, "
        "whose losses are means, divides it by the batch size [authors' script, D13, D20]",
        "a number from 0, below 1e9", _is_positive_or_zero)
    drop_rate: float = share(0.5, "share of units that dropout drops [authors' script, D13]")
    k: int = whole(50, "width of the embedding [authors' script, D13]")
    lambda_: float = setting(1e-3, "lambda of Eq. 9 [authors' script, D13]", "a number from 0 to 1",
                             _is_weight)
    learn_w: bool = setting(False, "learn the weight w of Eq. 3 and 4, which can then only fall "
                            "[this project, D1]", "a switch", _is_switch)
    activations: str = choice(
        "first", "activations that the later updates of a batch see [authors' script, D6]",
        ("first", "fresh"))
    d: int = whole(50, "width of the UCLN's output [Experimental details]")
    ucln_epochs: int = whole(5, "epochs of each UCLN, at most, and of BC-LSTM [this project: "
                             "RESULTS.md]")
    ucln_input_drop_rate: float = share(0.6, "dropout of the UCLN's input [authors' script, D24]")
    ucln_drop_rate: float = share(0.9, "dropout behind the UCLN's LSTM and behind its dense layer "
                                  "[authors' script, D24]")
    ucln_patience: int = whole(0, "epochs without a lower validation loss after which a UCLN stops;"
                               " 0: no early stopping [this project: RESULTS.md]", 0)
    dtype: str = choice("float32", "type of all numbers", ("float32", "float64"))

    def __post_init__(self):
        for spec in fields(self):
            value = checked(spec, getattr(self, spec.name))
            object.__setattr__(self, spec.name, value)  # the class is frozen
        if self.target not in self.modality_list:
            raise SettingError(f"target {self.target}: expected one of "
                               f"{', '.join(self.modality_list)}", "target")

    @property
    def modality_list(self):
        """The modalities as a tuple of names."""
        return tuple(self.modalities.split(","))

    @property
    def target_row(self):
        """Index of the target modality in arrays (m, B, ...)."""
        return self.modality_list.index(self.target)


FIELDS = {spec.name: spec for spec in fields(Settings)}


def checked(spec, value):
    """The value of a field of `Settings` as its plain type. SettingError if it is not allowed."""
    has_type = isinstance(value, NUMBERS.get(spec.type, spec.type))
    has_type = has_type and (spec.type is bool or not isinstance(value, bool))  # True is not 1
    if not (has_type and spec.metadata["allowed"](value)):
        shown = value
        if isinstance(value, str) and spec.type is not str:
            shown = repr(value)  # a text in place of a number
        raise SettingError(f"{spec.name} {shown}: expected {spec.metadata['expected']}", spec.name)
    if spec.name == "modalities":  # "face, text"
        return ",".join(names_in(value))
    return spec.type(value)


def names_in(value):
    """The names in a text where they are separated by commas, perhaps with blanks."""
    return [name.strip() for name in value.split(",")]


def flag(name):
    """The flag of a setting: ``lambda_`` -> ``--lambda``."""
    return "--" + name.rstrip("_").replace("_", "-")


def command_line(settings):
    """The flags that give these settings."""
    flags = []
    for name, value in asdict(settings).items():
        if value is True:
            flags.append(flag(name))
        elif value is not False:
            flags.append(f"{flag(name)} {shlex.quote(str(value))}")
    return " ".join(flags)


def add_flags(parser, *without, **defaults):
    """Give an argument parser a flag for each setting but those in ``without``.

    A setting that is not given on the command line is absent from the parsed options. The command
    itself sees to the ``defaults`` that are its own; here they are only shown.
    """
    for spec in fields(Settings):
        if spec.name in without:
            continue
        shown = [str(defaults.get(spec.name, spec.default))]
        for name, values in {**PRESETS, "own data": OWN_DATA}.items():
            if spec.name in values:
                shown.append(f"{name} {values[spec.name]}")
        how = {"action": "store_true"}
        if spec.type is not bool:
            how = {"type": _type_of(spec), "metavar": spec.name.rstrip("_").upper()}
        if spec.metadata["names"]:
            how["metavar"] = "{" + ",".join(spec.metadata["names"]) + "}"
        parser.add_argument(
            flag(spec.name), dest=spec.name, default=SUPPRESS,
            help=f"{spec.metadata['help']} (default {', '.join(shown)})", **how)


def _type_of(spec):
    """The function that turns a text from the command line into a setting."""
    def value_of(text):
        try:
            return spec.type(text)
        except ValueError:
            expected = spec.metadata["expected"]
            raise ArgumentTypeError(f"{text!r:.60}: expected {expected}") from None

    return value_of


# What the comments of the authors' scripts give, where it differs from the defaults (D13).
PRESETS = {
    "mosi": {},
    "mosei": {"k": 150, "drop_rate": 0.2, "lr": 1e-2, "weight_decay": 0.0, "lambda_": 0.1},
    "iemocap": {"k": 100, "drop_rate": 0.1, "batch_size": 32, "weight_decay": 1e-2, "d": 100,
                "ucln_epochs": 40, "ucln_input_drop_rate": 0.2, "ucln_drop_rate": 0.5,
                "ucln_patience": 5},
}

# Chosen on IEMOCAP's validation split, for features of which nothing is known (RESULTS.md).
OWN_DATA = {"ucln_epochs": 40, "ucln_input_drop_rate": 0.2, "ucln_drop_rate": 0.5,
            "ucln_patience": 5}


def preset(name, /, **changes):
    """The settings of a data set with ``changes``; those of `OWN_DATA` if it is a path."""
    return _settings({"dataset": name} | PRESETS.get(name, OWN_DATA), changes)


def _settings(values, changes):
    if changes.get("protocol") == "released":
        values["epochs"] = RELEASED_EPOCHS
    return Settings(**(values | changes))


def settings_for(corpus, **changes):
    """The settings for a corpus with ``changes``.

    The others are the preset of its data set, or `OWN_DATA` if it is none of the paper's, with all
    its modalities in its order. Unless it is given, the target is language, or the first modality
    where there is no language.
    Raises SettingError for a modality that the corpus does not have.
    """
    asked = names_in(changes.get("modalities", ",".join(corpus.features)))
    for m in asked:
        if m not in corpus.features:
            raise SettingError(f"modalities {changes['modalities']}: expected some of "
                               f"{', '.join(corpus.features)}, not {m}", "modalities")
    modalities = [m for m in corpus.features if m in asked]
    target = "l" if "l" in modalities else modalities[0]
    values = {"dataset": corpus.name, "target": target}
    values |= PRESETS[corpus.published] if corpus.published else OWN_DATA
    return _settings(values, changes | {"modalities": ",".join(modalities)})
