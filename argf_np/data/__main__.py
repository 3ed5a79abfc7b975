"""python -m argf_np.data download NAME: fetch a published data set; check PATH: see what a file holds."""

import argparse
import sys

from . import DOWNLOADS, DataError, data_dir, load
from .check import report
from .download import fetch


def main(arguments=None):
    """Run the command; returns its exit code: 0, 2 for an error, 130 for Ctrl-C, with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m argf_np.data", description="Get and check data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    download = commands.add_parser("download", help="fetch a published data set; what is there already is kept")
    download.add_argument("name", help=", ".join(DOWNLOADS))
    download.add_argument("--data-dir", help="put it into DIR/NAME (default: $ARGF_NP_DATA, else the cache directory)")
    download.add_argument("--base-url", help="fetch the files from here (default: the public repository)")
    check = commands.add_parser("check", help="say what a data set holds, and whether its splits can be trusted")
    check.add_argument("path", help="a file or folder of any known format, or the name of a data set")
    check.add_argument("--data-dir", help="where named data sets are (default: as above)")
    options = parser.parse_args(arguments)
    try:
        if options.command == "check":
            print(report(load(options.path, options.data_dir, "real")))
        else:
            _download(options)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = ": what has arrived is kept, the same command continues" * (options.command == "download")
        print(f"interrupted{kept}", file=sys.stderr)
        return 130
    return 0


def _download(options):
    if options.name not in DOWNLOADS:
        raise DataError(f"no download of {options.name!r} is known, only of {', '.join(DOWNLOADS)}")
    module, folder = DOWNLOADS[options.name], data_dir(options.data_dir) / options.name
    print(module.ORIGIN, flush=True)
    fetch(options.base_url or module.URL, folder, module.FILES)
    print(f"{len(module.FILES)} files, checksums right, in {folder}")


if __name__ == "__main__":
    sys.exit(main())
