"""Downloading, against a real HTTPS server on loopback, whose certificate is made for the tests."""

import hashlib
import http.server
import signal
import ssl
import subprocess
import sys
import threading
import time

import pytest
import trustme
from helpers import files_in, refused

from argf_np.data import DataError, load
from argf_np.data import __main__ as command
from argf_np.data.__main__ import main
from argf_np.data.download import fetch
from argf_np.data.published import MOSI_FILES


class Server(http.server.ThreadingHTTPServer):
    """Serves `contents` (path to bytes), as well or as badly as told."""

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = tls  # None: plain http
        self.contents, self.requests = {}, []
        self.elsewhere = {}  # path to the URL to which it redirects
        self.cut = None  # number of body bytes after which the connection ends
        self.stall = None  # number of body bytes after which nothing comes any more

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_port}/"

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:  # the handshake is left to the thread that answers
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request, client_address):
        pass  # a client that goes away is no news


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path in self.server.elsewhere:
            self.send_response(302)
            self.send_header("Location", self.server.elsewhere[self.path])
            self.send_header("Content-Length", "0")
            return self.end_headers()
        body = self.server.contents.get(self.path)
        if body is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.stall is not None:
            self.wfile.write(body[:self.server.stall])
            self.rfile.read()  # until the client is gone
        elif self.server.cut is not None:
            self.wfile.write(body[:self.server.cut])
        else:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


CONTENTS = {"words.csv": b"0123456789" * 30_000, "text/numbers.csv": bytes(range(256)) * 700}
FILES = {name: hashlib.sha256(body).hexdigest() for name, body in CONTENTS.items()}


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def serve(server):
    """Yield the server while a thread of its own serves."""
    with server:
        server.contents = {f"/{name}": body for name, body in CONTENTS.items()}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(monkeypatch, authority, tmp_path_factory):
    """A server with a certificate that this process and those it starts trust."""
    trusted = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    yield from serve(Server(tls))


@pytest.fixture
def plain_server():
    """A server without encryption."""
    yield from serve(Server())


def failure(*arguments, **options):
    with pytest.raises(DataError) as caught:
        fetch(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_real_mosi_comes_with_pinned_checksums_and_loads(server, mosi_dir, tmp_path, capsys):
    server.contents = {f"/there/{name}": (mosi_dir / name).read_bytes() for name in MOSI_FILES}
    assert (
        main(["download", "mosi", "--data-dir", str(tmp_path), "--base-url", f"{server.url}there"])
        == 0
    )
    assert files_in(tmp_path / "mosi") == {
        name: (mosi_dir / name).read_bytes() for name in MOSI_FILES
    }
    assert len(load("mosi", tmp_path, source="real").ids) == 2199
    captured = capsys.readouterr()
    for said in (
        "SenticNet/sc-lstm",
        "Zadeh et al. (2016)",
        "Poria et al. (2017)",
        "Licence",
        str(tmp_path / "mosi"),
    ):
        assert said in captured.out
    assert [line.split(":")[0] for line in captured.err.splitlines()] == [
        f"[{i}/9] {name}" for i, name in enumerate(MOSI_FILES, 1)]


def test_what_is_there_is_kept_and_what_is_wrong_is_replaced(server, tmp_path, capsys):
    fetch(server.url, tmp_path / "new" / "folder", FILES)
    assert files_in(tmp_path / "new" / "folder") == CONTENTS
    (tmp_path / "new" / "folder" / "words.csv").write_bytes(b"something else")
    server.requests.clear()
    capsys.readouterr()
    fetch(server.url, tmp_path / "new" / "folder", FILES)
    assert server.requests == ["/words.csv"]
    assert files_in(tmp_path / "new" / "folder") == CONTENTS
    assert (
        capsys.readouterr().err
        == "[1/2] words.csv: 0.3 MB, checksum right\n[2/2] text/numbers.csv: already there\n"
    )


def test_a_cut_connection_leaves_nothing_and_the_next_attempt_starts_again(server, tmp_path):
    server.cut = 123_456
    assert "words.csv: cut off after 123456 of 300000 bytes" in failure(server.url, tmp_path, FILES)
    assert files_in(tmp_path) == {}
    server.cut = None
    fetch(server.url, tmp_path, FILES)
    assert files_in(tmp_path) == CONTENTS


def test_a_part_that_an_earlier_attempt_left_is_written_anew(server, tmp_path):
    (tmp_path / "words.csv.part").write_bytes(b"x" * 300_000)
    fetch(server.url, tmp_path, FILES)
    assert files_in(tmp_path) == CONTENTS


def test_a_wrong_checksum_leaves_nothing_and_keeps_what_was_there(server, tmp_path):
    (tmp_path / "words.csv").write_bytes(b"old")
    server.contents["/words.csv"] = b"9" + CONTENTS["words.csv"][1:]
    assert (
        f"words.csv: SHA-256 {hashlib.sha256(server.contents['/words.csv']).hexdigest()[:12]}"
        in failure(server.url, tmp_path, FILES)
    )
    assert files_in(tmp_path) == {"words.csv": b"old"}


def test_a_missing_file_is_an_error_that_names_the_url(server, tmp_path, capsys):
    server.contents.clear()
    assert main(["download", "mosi", "--data-dir", str(tmp_path), "--base-url", server.url]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {server.url}transcripts.csv: ")
    assert "404" in err
    assert err.count("\n") == 1
    assert files_in(tmp_path) == {}


def test_a_file_that_is_too_large_is_refused(server, tmp_path):
    assert "words.csv: more than the 299999 bytes allowed" in failure(
        server.url, tmp_path, FILES, limit=299_999
    )
    assert files_in(tmp_path) == {}


def test_a_server_that_falls_silent_times_out(server, tmp_path, monkeypatch):
    monkeypatch.setattr("argf_np.data.download.TIMEOUT", 0.1)
    server.stall = 70_000
    assert "timed out" in failure(server.url, tmp_path, FILES)
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize(
    "name", ["../words.csv", "/words.csv", "text/../../words.csv", "link/words.csv"]
)
def test_no_name_leads_out_of_the_folder(server, tmp_path, name):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path)
    assert "leads out of" in failure(server.url, tmp_path / "data", {name: FILES["words.csv"]})
    assert server.requests == []
    assert files_in(tmp_path) == {}


def test_no_part_is_written_through_a_link(server, tmp_path):
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "words.csv.part").symlink_to(tmp_path / "precious")
    assert "leads out of" in failure(server.url, tmp_path / "data", FILES)
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_nothing_is_fetched_without_encryption(server, plain_server, tmp_path):
    assert "expected a URL that begins with https://" in failure(plain_server.url, tmp_path, FILES)
    server.elsewhere["/words.csv"] = plain_server.url + "words.csv"
    assert f"{server.url}words.csv: " in failure(server.url, tmp_path, FILES)
    server.elsewhere["/words.csv"] = "file:///etc/hostname"
    failure(server.url, tmp_path, FILES)
    assert plain_server.requests == []
    assert files_in(tmp_path) == {}
    server.elsewhere["/words.csv"] = server.url + "there"
    server.contents["/there"] = CONTENTS["words.csv"]
    fetch(server.url, tmp_path, FILES)
    assert files_in(tmp_path) == CONTENTS


def test_a_server_whose_certificate_nobody_vouches_for_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "CERTIFICATE_VERIFY_FAILED" in failure(server.url, tmp_path, FILES)
    assert server.requests == []
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/",
        "ftp://127.0.0.1/",
        "127.0.0.1",
        "https://[",
        "https://127.0.0.1:port/",
        "https://127.0.0.1:1/",
        "https://a b/",
        "http://127.0.0.1/",
    ],
)
def test_an_address_that_cannot_be_used_gets_one_line(tmp_path, url, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    assert url in failure(url, tmp_path, FILES)
    assert files_in(tmp_path) == {}


def test_an_unwritable_place_gets_one_line(server, tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    assert (
        main(["download", "mosi", "--data-dir", str(tmp_path / "file"), "--base-url", server.url])
        == 2
    )
    err = capsys.readouterr().err
    assert str(tmp_path / "file") in err
    assert err.count("\n") == 1


def test_an_unknown_data_set_gets_one_line(capsys):
    assert main(["download", "imdb"]) == 2
    assert capsys.readouterr().err == "error: no download of 'imdb' is known, only of mosi\n"


@pytest.mark.parametrize("arguments", [[], ["foo"], ["check"], ["download", "mosi", "--url", "x"]])
def test_a_wrong_command_line_gets_one_line(capsys, arguments):
    assert refused(capsys, command, *arguments)


def heed_ctrl_c():
    """Children of a shell's background job inherit an ignored SIGINT: restore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_ends_with_one_line_and_leaves_nothing(server, tmp_path):
    server.contents["/transcripts.csv"] = CONTENTS["words.csv"]
    server.stall = 200_000
    line = [sys.executable, "-m", "argf_np.data", "download", "mosi", "--data-dir", tmp_path]
    line += ["--base-url", server.url]
    with subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_ctrl_c,
    ) as process:
        part = tmp_path / "mosi" / "transcripts.csv.part"
        deadline = time.monotonic() + 120
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=120)[1]
    assert (process.returncode, err.strip()) == (130, "interrupted")
    assert files_in(tmp_path) == {}


def test_a_terminal_sees_the_bytes_arrive(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(server.url, tmp_path, {"words.csv": FILES["words.csv"]})
    shown = capsys.readouterr().err.replace("\n", "\r").split("\r")
    assert shown[-3:] == [
        "[1/1] words.csv: 0.3 of 0.3 MB",
        "[1/1] words.csv: 0.3 MB, checksum right",
        "",
    ]
    assert len(shown) > 5
