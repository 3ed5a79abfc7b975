"""Files of this project: written whole or not at all, one process per folder, and a cache."""
