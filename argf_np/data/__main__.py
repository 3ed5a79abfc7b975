"""``python -m argf_np.data``: the format of your own data, a check of data, and MOSI's download."""

import shlex
import sys

from ..commands import Parser, exit_code
from ..errors import DataError
from . import data_dir, load
from .check import report
from .download import fetch
from .example import write_example
from .formats.own import FORMAT
from .published import DATASETS, MOSI_FILES, MOSI_ORIGIN, MOSI_URL

OTHERS = """\
Files that circulate are read as they are: the CSV folder of MOSI (SenticNet/sc-lstm), the pickles
{text,audio,video}*.pickle and unimodal_*way.pickle of bc-LSTM, IEMOCAP_features_raw.pkl, and
aligned_50.pkl, unaligned_50.pkl and others as MMSA packs them."""
WHERE = "[$ARGF_NP_DATA, else the user's cache]"


def main(arguments=None):
    """Run the command. Exit code 0; 2 for an error, 130 for Ctrl-C, each with one line."""
    options = parser().parse_args(arguments)
    return exit_code(lambda: options.run(options))


def parser():
    """The command line: one subcommand for each function below."""
    p = Parser(prog="python -m argf_np.data", description="Bring your own data, check it, or "
               "download MOSI.", epilog="'python -m argf_np.data describe' shows the format for "
               "your own data with an example of ten lines.")
    commands = p.add_subparsers(dest="command", required=True)
    for function, text in (
            (describe, "show the format for your own data"),
            (example, "write a small data set to edit, as CSV and as .npz"),
            (check, "say what a data set holds, and whether its splits can be trusted"),
            (download, "fetch a published data set; what is there already is kept")):
        command = commands.add_parser(function.__name__, help=text, description=text)
        command.set_defaults(run=function)
        if function is example:
            command.add_argument("folder", metavar="DIR", help="a new folder")
        if function is check:
            command.add_argument("path", help="a file or folder, or " + ", ".join(DATASETS))
            command.add_argument("--data-dir", metavar="DIR", help="where these three are " + WHERE)
        if function is download:
            command.add_argument("name", help="mosi")
            command.add_argument("--data-dir", metavar="DIR", help="put it into DIR/NAME " + WHERE)
            command.add_argument("--base-url", metavar="URL",
                                 help="fetch the files from here [the public repository]")
    return p


def describe(options):
    """Print the format for your own data."""
    print(FORMAT)
    print(OTHERS)


def example(options):
    """Write the example, and say what to do with it."""
    archive = write_example(options.folder)
    folder = shlex.quote(options.folder)
    print(f"CSV files to edit are in {options.folder}, the same as arrays in {archive}. Next:",
          f"    python -m argf_np.data check {folder}",
          f"    python -m argf_np.train --dataset {folder}", sep="\n")


def check(options):
    """Print the report on a data set."""
    print(report(load(options.path, options.data_dir, "real")))


def download(options):
    """Fetch the files that are missing, and say where they come from and where they are."""
    if options.name != "mosi":
        raise DataError(f"no download of {options.name!r} is known, only of mosi")
    folder = data_dir(options.data_dir) / options.name
    print(MOSI_ORIGIN, flush=True)
    fetch(options.base_url or MOSI_URL, folder, MOSI_FILES)
    print(f"{len(MOSI_FILES)} files, checksums right, in {folder}")


if __name__ == "__main__":
    sys.exit(main())
