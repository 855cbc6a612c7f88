"""`librarian models fetch` from a server on this machine: over https, from declared hosts, or not at all."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from harness import Archive, install

WEIGHTS = b"weights" * 1000
CONFIG = b"sources: 2\n"
TOKEN = "hf_0123456789abcdef"
CODE = """
from librarian import Audio, KnownFile, KnownModel, Operation, Settings, hookimpl

class NoSettings(Settings):
    pass

@hookimpl
def librarian_operations():
    return [Operation(name=name, version="1", run="librarian_fetching:run", settings=NoSettings, description="Fetch.",
                      inputs={{"audio": Audio}}, outputs={{"audio": Audio}}, models=(model,))
            for name, model in (
                ("mirrored", KnownModel("mirrored", ({weights}, {config}), licence="MIT", source="hub:someone/mirrored",
                                        revision="abc123")),
                ("elsewhere", KnownModel("elsewhere", ({weights},), source="https://localhost:{port}/plain",
                                         redirects={redirects!r})))]
"""
JOB = """\
librarian: 1
name: fetched
recordings: [{id: calls, path: calls/*.wav}]
steps:
  - {id: a, use: mirrored}
  - {id: b, use: elsewhere}
"""


class Hub(ThreadingHTTPServer):
    """Answers what `pages` says of a path; notes what was asked for, and by whom."""

    daemon_threads = True

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.pages: dict[str, Any] = {}
        self.asked: list[tuple[str, str | None]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gives up in the middle is what is tested."""


class Page(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        code, headers, content = self.server.pages.get(self.path, (404, {}, b""))
        self.send_response(code)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that a server on this machine shows, for `localhost` and for its address."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(path), "-out", str(path) + ".crt"]
    subprocess.run([*made, *names], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def hub(certificate: Path) -> Iterator[Hub]:
    server = Hub(certificate)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def project(calls: Archive, hub: Hub, certificate: Path, tmp_path: Path) -> Archive:
    """A project whose extension knows a model of the hub, and one that lies elsewhere on the same server."""
    know(calls, tmp_path, hub)
    calls.environment |= {
        "LIBRARIAN_MODELS": str(tmp_path / "models"),
        "HF_ENDPOINT": f"https://localhost:{hub.server_port}",
        "REQUESTS_CA_BUNDLE": f"{certificate}.crt",
        "HF_TOKEN": TOKEN,
    }
    hub.pages = {
        "/someone/mirrored/resolve/abc123/model.th": (200, {}, WEIGHTS),
        "/someone/mirrored/resolve/abc123/config.yaml": (200, {}, CONFIG),
        "/plain/model.th": (200, {}, WEIGHTS),
    }
    calls.librarian("init")
    return calls


def know(archive: Archive, tmp_path: Path, hub: Hub, redirects: tuple[str, ...] = (), size: int = 0) -> None:
    weights = f'KnownFile("model.th", sha256="{hashlib.sha256(WEIGHTS).hexdigest()[:8]}", size={size})'
    code = CODE.format(weights=weights, config='KnownFile("config.yaml")', port=hub.server_port, redirects=redirects)
    install(tmp_path / "site", archive, "fetching", code)


def kept(archive: Archive) -> dict[str, bytes]:
    top = Path(archive.environment["LIBRARIAN_MODELS"])
    return {path.name: path.read_bytes() for path in top.rglob("*") if path.is_file() and path.suffix != ".json"}


def refused(archive: Archive, code: int, *more: str, name: str = "elsewhere") -> str:
    """What is said where nothing is kept."""
    said = archive.librarian("models", "fetch", name, *more, code=code).stderr
    assert kept(archive) == {}
    assert json.loads(archive.librarian("models", "list", "--json").stdout) == []
    assert "internal error" not in said
    return said


def test_models_come_from_where_they_are_declared(project: Archive, hub: Hub) -> None:
    said = project.librarian("models", "fetch", "mirrored", "elsewhere").stderr
    assert "mirrored: the digests of config.yaml are not known" in said
    assert kept(project) == {"model.th": WEIGHTS, "config.yaml": CONFIG}
    found = {each["name"]: each for each in json.loads(project.librarian("models", "list", "--json").stdout)}
    assert (found["mirrored"]["source"], found["mirrored"]["revision"]) == ("hub:someone/mirrored", "abc123")
    assert found["mirrored"]["licence"] == "MIT"
    assert found["elsewhere"]["source"] == f"https://localhost:{hub.server_port}/plain"
    project.librarian("models", "verify")


def test_a_job_says_itself_what_it_lacks(project: Archive, hub: Hub) -> None:
    project.job(JOB)
    assert project.librarian("plan", "job.yaml", code=5).stderr.count("models fetch") == 2
    project.librarian("models", "fetch", "--for", "job.yaml")
    project.librarian("plan", "job.yaml")
    asked = len(hub.asked)
    assert project.librarian("models", "fetch", "--for", "job.yaml").stderr == "the job file lacks no model\n"
    project.librarian("models", "fetch", "mirrored")  # it is there
    assert len(hub.asked) == asked


def test_what_is_in_the_lock_comes_again_as_it_was(project: Archive, hub: Hub, tmp_path: Path) -> None:
    project.librarian("models", "fetch", "mirrored")
    lock = (project.root / ".librarian" / "models.lock").read_bytes()
    project.environment["LIBRARIAN_MODELS"] = str(tmp_path / "another machine")
    hub.pages["/someone/mirrored/resolve/abc123/config.yaml"] = (200, {}, b"sources: 4\n")
    said = project.librarian("models", "fetch", "mirrored", code=4).stderr
    assert "config.yaml is not the file that mirrored is known by" in said
    hub.pages["/someone/mirrored/resolve/abc123/config.yaml"] = (200, {}, CONFIG)
    project.librarian("models", "fetch", "mirrored")
    assert (project.root / ".librarian" / "models.lock").read_bytes() == lock


def test_a_newer_revision_takes_its_place_when_asked_for(project: Archive, hub: Hub, tmp_path: Path) -> None:
    project.librarian("models", "fetch", "mirrored")
    code = tmp_path / "site" / "librarian_fetching.py"
    code.write_text(code.read_text().replace("abc123", "def456"))
    hub.pages["/someone/mirrored/resolve/def456/model.th"] = (200, {}, WEIGHTS)
    hub.pages["/someone/mirrored/resolve/def456/config.yaml"] = (200, {}, b"sources: 4\n")
    hub.asked.clear()
    project.librarian("models", "fetch", "mirrored")
    assert hub.asked == []
    project.librarian("models", "remove", "mirrored", "--files")
    project.librarian("models", "fetch", "mirrored")
    (model,) = json.loads(project.librarian("models", "list", "--json").stdout)
    assert model["revision"] == "def456"


def test_a_token_is_shown_to_the_hub_alone(project: Archive, hub: Hub) -> None:
    hub.pages["/someone/mirrored/resolve/abc123/model.th"] = (302, {"Location": "/blobs/1"}, b"")
    hub.pages["/blobs/1"] = (200, {}, WEIGHTS)
    project.librarian("models", "fetch", "mirrored")
    assert dict(hub.asked)["/blobs/1"] == f"Bearer {TOKEN}"  # still the hub
    hub.asked.clear()
    project.environment["HF_ENDPOINT"] = "https://hub.invalid"
    project.librarian("models", "fetch", "elsewhere")
    assert hub.asked == [("/plain/model.th", None)]


def test_a_server_that_wants_an_account_is_said_to(project: Archive, hub: Hub) -> None:
    hub.pages["/someone/mirrored/resolve/abc123/model.th"] = (401, {}, b"")
    said = refused(project, 5, name="mirrored")
    assert "accept its terms at https://localhost" in said
    assert "set HF_TOKEN" in said


def test_what_is_not_there_is_said(project: Archive, hub: Hub) -> None:
    del hub.pages["/plain/model.th"]
    assert "does not have elsewhere as it is declared (it answered 404)" in refused(project, 5)
    assert "no installed extension knows nothing" in refused(project, 5, name="nothing")


def test_another_host_must_be_declared(project: Archive, hub: Hub, tmp_path: Path) -> None:
    there = f"https://127.0.0.1:{hub.server_port}/blobs/1"
    hub.pages |= {"/plain/model.th": (302, {"Location": there}, b""), "/blobs/1": (200, {}, WEIGHTS)}
    assert "sends on to another host, 127.0.0.1, which nobody declared" in refused(project, 4)
    assert [path for path, _ in hub.asked] == ["/plain/model.th"]
    know(project, tmp_path, hub, redirects=("127.0.0.1",))
    project.librarian("models", "fetch", "elsewhere")
    assert kept(project) == {"model.th": WEIGHTS}


@pytest.mark.parametrize("place", ["http://localhost/x", "ftp://localhost/x", "https://me:secret@localhost/x"])
def test_only_https_is_followed(project: Archive, hub: Hub, place: str) -> None:
    hub.pages["/plain/model.th"] = (301, {"Location": place}, b"")
    said = refused(project, 4)
    assert "https" in said
    assert "secret" not in said


def test_a_hub_without_https_is_not_asked(project: Archive, hub: Hub) -> None:
    project.environment["HF_ENDPOINT"] = f"http://localhost:{hub.server_port}"
    refused(project, 4, name="mirrored")
    assert hub.asked == []


def test_a_circle_of_redirects_ends(project: Archive, hub: Hub) -> None:
    hub.pages["/plain/model.th"] = (302, {"Location": "/plain/model.th"}, b"")
    assert "on and on" in refused(project, 4)
    assert len(hub.asked) < 10


def test_a_server_whose_certificate_is_not_trusted_is_not_asked(project: Archive, hub: Hub) -> None:
    del project.environment["REQUESTS_CA_BUNDLE"]
    assert "cannot be fetched from localhost" in refused(project, 6)
    assert hub.asked == []


def test_other_bytes_are_not_kept(project: Archive, hub: Hub) -> None:
    hub.pages["/plain/model.th"] = (200, {}, b"W" + WEIGHTS[1:])
    assert "model.th is not the file that elsewhere is known by: its sha256 begins with" in refused(project, 4)


def test_half_of_it_is_not_kept(project: Archive, hub: Hub) -> None:
    hub.pages["/plain/model.th"] = (200, {"Content-Length": str(len(WEIGHTS) + 1)}, WEIGHTS)
    assert "nothing was kept" in refused(project, 6)


@pytest.mark.parametrize("length", [{}, {"Content-Length": ""}], ids=["said", "not said"])
def test_more_than_was_declared_is_not_taken(project: Archive, hub: Hub, tmp_path: Path, length: dict) -> None:
    hub.pages["/plain/model.th"] = (200, length, WEIGHTS * 100)
    assert "model.th is larger than 102,400 bytes" in refused(project, 4, "--most", "100 KiB")
    know(project, tmp_path, hub, size=len(WEIGHTS))
    assert f"larger than {len(WEIGHTS):,} bytes" in refused(project, 4)


def test_what_is_packed_on_the_way_is_not_unpacked(project: Archive, hub: Hub) -> None:
    hub.pages["/plain/model.th"] = (200, {"Content-Encoding": "gzip"}, WEIGHTS)
    refused(project, 5)


def test_a_server_that_is_away_is_said(project: Archive, hub: Hub) -> None:
    project.environment["HF_ENDPOINT"] = "https://localhost:9"
    assert "config.yaml cannot be fetched" in (said := refused(project, 6, name="mirrored")) or "model.th" in said


def test_names_or_a_job_but_not_both(project: Archive) -> None:
    for typed in ([], ["mirrored", "--for", "job.yaml"]):
        assert "name the models to fetch" in project.librarian("models", "fetch", *typed, code=2).stderr
    assert "such as 4 GiB" in project.librarian("models", "fetch", "mirrored", "--most", "much", code=2).stderr
