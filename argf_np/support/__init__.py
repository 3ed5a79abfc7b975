"""What the estimator and the commands lean on: whole files, the cache, locks, errors of one line, progress."""
