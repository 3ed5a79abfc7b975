"""Fetch published files over HTTPS: checked by SHA-256, written atomically, resumed where they stopped."""

import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from .corpus import DataError

TIMEOUT = 30  # seconds without a byte
LIMIT = 2**24  # bytes of a file; the largest of MOSI has 3 MB


def fetch(base_url, folder, files, limit=LIMIT):
    """Bring the files that a folder still lacks; progress goes to stderr.

    A file that is there with the right checksum is kept. What arrives is written to NAME.part beside its place and
    renamed when it is complete and right; a part left by an earlier attempt is continued.

    Parameters
    ----------
    base_url : str
        https; a file's URL is this and its name. A server that redirects elsewhere may do so to https only.
    folder : path
        Made if it is not there.
    files : dict of str to str
        Name relative to `base_url` and to `folder`, and SHA-256.
    limit : int
        A file of more bytes is refused.

    Raises
    ------
    DataError
        One line naming the file: not reachable, cut off, too large, wrong checksum, not writable, outside the folder.
    """
    if not base_url.startswith("https://"):
        raise DataError(f"{base_url}: expected a URL that begins with https://")
    for i, (name, sha256) in enumerate(files.items(), 1):
        url = base_url.rstrip("/") + "/" + urllib.parse.quote(name)
        target, part = _inside(folder, name), _inside(folder, name + ".part")
        label = f"[{i}/{len(files)}] {name}"
        try:
            if target.is_file() and _sha256(target) == sha256:
                print(f"{label}: already there", file=sys.stderr)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            _receive(url, part, limit, label)
            if (found := _sha256(part)) != sha256:
                part.unlink()
                raise DataError(f"{url}: SHA-256 {found[:12]}…, expected {sha256[:12]}…; nothing of it is kept")
            os.replace(part, target)
            print(f"{label}: {target.stat().st_size / 1e6:.1f} MB, checksum right", file=sys.stderr)
        except DataError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: what a URL must not look like
            raise DataError(f"{url}: {error}") from None


def _inside(folder, name):
    """Where a file belongs, links resolved; refused if that is not within the folder."""
    folder = Path(folder).resolve()
    target = (folder / name).resolve()
    if not target.is_relative_to(folder):
        raise DataError(f"{name}: leads out of {folder}")
    return target


def _https_only():
    """What opens URLs, and knows how to open no others: neither plain http, not even when redirected, nor files."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler, urllib.request.HTTPSHandler, urllib.request.HTTPRedirectHandler,
                    urllib.request.HTTPErrorProcessor, urllib.request.HTTPDefaultErrorHandler,
                    urllib.request.UnknownHandler):
        opener.add_handler(handler())
    return opener


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _receive(url, part, limit, label):
    """Append to `part` what it lacks."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = _https_only().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:  # the part is not of this file
            part.unlink()
            return _receive(url, part, limit, label)
        raise
    with response, open(part, "ab") as file:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):  # the file from its beginning
            have = 0
            file.truncate(0)
        total = None if response.length is None else have + response.length
        while have <= limit and (chunk := response.read(2**16)):
            file.write(chunk)
            have += len(chunk)
            if sys.stderr.isatty():  # ends at the line's beginning, so that whatever comes next overwrites it
                of = f" of {total / 1e6:.1f}" if total else ""
                print(f"{label}: {have / 1e6:.1f}{of} MB", end="\r", file=sys.stderr, flush=True)
        file.flush()
        os.fsync(file.fileno())
    if have > limit:
        part.unlink()
        raise DataError(f"{url}: more than the {limit} bytes allowed")
    if total is not None and have < total:
        raise DataError(f"{url}: cut off after {have} of {total} bytes; the same command continues there")
