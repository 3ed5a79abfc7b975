"""Fetch published files over HTTPS: checked by SHA-256 and written as a whole or not at all."""

import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from ..errors import DataError

TIMEOUT = 30  # seconds without a byte
LIMIT = 2**24  # bytes of a file; the largest of MOSI has 3 MB


def fetch(base_url, folder, files, limit=LIMIT):
    """Bring the files that a folder still lacks; progress goes to stderr.

    A file that is there with the right checksum is kept. What arrives is written to NAME.part and
    renamed when it is complete and its checksum is right; otherwise it is removed.

    Parameters
    ----------
    base_url : str
        https; the URL of a file is this and its name. A redirection must lead to https, too.
    folder : path
        Made if it is not there.
    files : dict of name to SHA-256
    limit : int
        A file of more bytes is refused.

    Raises
    ------
    DataError
        One line naming the file: not reachable, cut off, too large, wrong checksum, not writable,
        outside the folder.
    """
    if not base_url.startswith("https://"):
        raise DataError(f"{base_url}: expected a URL that begins with https://")
    for i, (name, sha256) in enumerate(files.items(), 1):
        url = base_url.rstrip("/") + "/" + urllib.parse.quote(name)
        target, part = _inside(folder, name), _inside(folder, name + ".part")
        label = f"[{i}/{len(files)}] {name}"
        try:
            if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
                print(f"{label}: already there", file=sys.stderr)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            _receive(url, part, sha256, limit, label)
            os.replace(part, target)
        except DataError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a bad URL
            raise DataError(f"{url}: {error}") from None
        print(f"{label}: {target.stat().st_size / 1e6:.1f} MB, checksum right", file=sys.stderr)


def _inside(folder, name):
    """Where a file belongs, links resolved; refused if that is not within the folder."""
    folder = Path(folder).resolve()
    target = (folder / name).resolve()
    if not target.is_relative_to(folder):
        raise DataError(f"{name}: leads out of {folder}")
    return target


def _https_only():
    """An opener for https alone: no plain http, not even when redirected, and no local files."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler, urllib.request.HTTPSHandler,
                    urllib.request.HTTPRedirectHandler, urllib.request.HTTPErrorProcessor,
                    urllib.request.HTTPDefaultErrorHandler, urllib.request.UnknownHandler):
        opener.add_handler(handler())
    return opener


def _open(url):
    try:
        return _https_only().open(url, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise


def _receive(url, part, sha256, limit, label):
    """Write the content of a URL to `part`; if it is not what is expected, `part` is removed."""
    size, digest = 0, hashlib.sha256()
    try:
        with _open(url) as response, open(part, "wb") as file:
            total = response.length  # None if the server does not say
            while chunk := response.read(2**16):
                size += len(chunk)
                if size > limit:
                    raise DataError(f"{url}: more than the {limit} bytes allowed")
                file.write(chunk)
                digest.update(chunk)
                _show(label, size, total)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and size < total:
            raise DataError(f"{url}: cut off after {size} of {total} bytes; try again")
        if digest.hexdigest() != sha256:
            raise DataError(f"{url}: SHA-256 {digest.hexdigest()[:12]}…, "
                            f"expected {sha256[:12]}…; nothing of it is kept")
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _show(label, size, total):
    """On a terminal, a line of progress that the next one overwrites."""
    if sys.stderr.isatty():
        of = f" of {total / 1e6:.1f}" if total else ""
        print(f"{label}: {size / 1e6:.1f}{of} MB", end="\r", file=sys.stderr, flush=True)
