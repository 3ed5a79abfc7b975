"""Every table and figure of the paper: ``python -m argf_np.experiments --list``."""
