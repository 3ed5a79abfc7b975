"""python -m argf_np.data download NAME: fetch a published data set."""

import argparse
import sys

from . import DataError, data_dir, dataset
from .download import fetch


def main(arguments=None):
    """Run the command; returns its exit code: 0, 2 for an error, 130 for Ctrl-C, with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m argf_np.data", description="Get data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    download = commands.add_parser("download", help="fetch a published data set; what is there already is kept")
    download.add_argument("name", help="mosi")
    download.add_argument("--data-dir", help="put it into DIR/NAME (default: $ARGF_NP_DATA, else the cache directory)")
    download.add_argument("--base-url", help="fetch the files from here (default: the public repository)")
    options = parser.parse_args(arguments)
    try:
        module = dataset(options.name)
        folder = data_dir(options.data_dir) / options.name
        print(module.ORIGIN, flush=True)
        fetch(options.base_url or module.URL, folder, module.FILES)
        print(f"{len(module.FILES)} files, checksums right, in {folder}")
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: what has arrived is kept, the same command continues", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
