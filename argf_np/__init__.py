"""ARGF: joint embedding space learning by adversarial training, and graph fusion (Mai, Hu and Xing, AAAI 2020).

The equations of the paper are in `embedding_eq1_5_7`, `losses_eq2_3_4_6_8_9` and `gfn_eq10_16`.
"""

__version__ = "0.1.0"
