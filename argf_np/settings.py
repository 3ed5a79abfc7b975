"""Settings of a run, where each default comes from, and the presets of the data sets (D13)."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Settings:
    """Everything besides the data that decides the outcome of a run. The defaults are those for MOSI."""

    dataset: str = "mosi"
    target: str = "l"
    variant: str = "paper"
    protocol: str = "fixed"
    seed: int = 0
    epochs: int = 20
    batch_size: int = 16
    lr: float = 1e-3
    weight_decay: float = 5e-3
    drop_rate: float = 0.5
    k: int = 50
    lambda_: float = 1e-3
    learn_w: bool = False
    activations: str = "first"
    d: int = 50
    ucln_epochs: int = 20
    dtype: str = "float32"


# What the comments of the authors' scripts give, as far as it differs from MOSI's (D13).
PRESETS = {
    "mosi": {},
    "mosei": {"k": 150, "drop_rate": 0.2, "lr": 1e-2, "weight_decay": 0.0, "lambda_": 0.1},
    "iemocap": {"k": 100, "drop_rate": 0.1, "batch_size": 32, "weight_decay": 0.01, "d": 100},
}


def preset(dataset, **changes):
    """The settings of a data set with ``changes``."""
    return replace(Settings(), dataset=dataset, **(PRESETS[dataset] | changes))
