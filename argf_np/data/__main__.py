"""``python -m argf_np.data``: download a published data set; check what a file holds."""

import sys

from ..commands import Parser, exit_code
from ..errors import DataError
from . import data_dir, load
from .check import report
from .download import fetch
from .published import MOSI_FILES, MOSI_ORIGIN, MOSI_URL


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line."""
    options = parser().parse_args(arguments)
    return exit_code(lambda: options.run(options))


def parser():
    """The command line: one subcommand for each function below."""
    p = Parser(prog="python -m argf_np.data", description="Get and check data sets.")
    commands = p.add_subparsers(dest="command", required=True)

    command = commands.add_parser(
        "download", help="fetch a published data set; what is there already is kept")
    command.add_argument("name", help="mosi")
    command.add_argument("--data-dir", metavar="DIR",
                         help="put it into DIR/NAME [$ARGF_NP_DATA, else the user's cache]")
    command.add_argument("--base-url", metavar="URL",
                         help="fetch the files from here [the public repository]")
    command.set_defaults(run=download)

    command = commands.add_parser(
        "check", help="say what a data set holds, and whether its splits can be trusted")
    command.add_argument("path", help="a file or folder of any known format, or a data set's name")
    command.add_argument("--data-dir", metavar="DIR",
                         help="where named data sets are [$ARGF_NP_DATA, else the user's cache]")
    command.set_defaults(run=check)
    return p


def download(options):
    """Fetch the files that are missing, and say where they come from and where they are."""
    if options.name != "mosi":
        raise DataError(f"no download of {options.name!r} is known, only of mosi")
    folder = data_dir(options.data_dir) / options.name
    print(MOSI_ORIGIN, flush=True)
    fetch(options.base_url or MOSI_URL, folder, MOSI_FILES)
    print(f"{len(MOSI_FILES)} files, checksums right, in {folder}")


def check(options):
    """Print the report on a data set."""
    print(report(load(options.path, options.data_dir, "real")))


if __name__ == "__main__":
    sys.exit(main())
