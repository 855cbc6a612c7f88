"""Models from a hub or another place on the network, when the owner asks for them: https only, nothing said of anyone.

What a server sends is not trusted: neither for its size nor for where it sends on to; and what comes is kept only
where its digests are those that are known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from librarian.errors import EnvironmentFailedError, MissingError, RefusedError
from librarian.models.known import KnownFile, KnownModel
from librarian.models.lock import LockedModel
from librarian.models.sources import BLOCK, Found

if TYPE_CHECKING:
    import requests

HUB = "https://huggingface.co"
HUB_VARIABLE = "HF_ENDPOINT"
"""Names another hub, or a mirror of it."""
TOKEN_VARIABLE = "HF_TOKEN"
"""For repositories whose licence has to be accepted first; it is sent to the hub alone."""
HUB_REDIRECTS = (".huggingface.co", ".hf.co")
MOST_REDIRECTS = 5
TIMEOUTS = (10.0, 60.0)
"""To connect, and between two blocks (s)."""
_WANTS_ACCOUNT = (401, 403)


def known_as(model: LockedModel) -> KnownModel:
    """What a lock knows of a model, for fetching it again."""
    files = tuple(KnownFile(file.name, file.sha256, file.bytes) for file in model.files)
    return KnownModel(model.name, files, model.licence, model.loader, model.source, model.revision or "main")


class Fetching:
    """Fetches the files of models.

    Args:
        most: bytes of a file whose size is not known.
    """

    def __init__(self, most: int) -> None:
        import requests

        self._most = most
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": "librarian-media", "Accept-Encoding": "identity"})
        self._session.auth = _as_it_is  # none from a .netrc

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def found(self, model: KnownModel) -> list[Found]:
        """The files of a model, each fetched when it is read.

        Raises:
            MissingError: nobody says where they are.
        """
        if not model.source and not all(file.url for file in model.files):
            raise MissingError(
                f"nobody says where {model.name} can be fetched; with its files in a folder type: "
                f"librarian models add FOLDER --name {model.name}"
            )
        return [Found(file.name, file.size, partial(self._blocks, model, file)) for file in model.files]

    def _blocks(self, model: KnownModel, file: KnownFile) -> Iterator[bytes]:
        import requests

        most = file.size or self._most
        try:
            with self._opened(model, url_of(model, file)) as response:
                if int(response.headers.get("Content-Length") or 0) > most:
                    raise _too_large(file, most)
                got = 0
                for block in response.iter_content(BLOCK):
                    got += len(block)
                    if got > most:
                        raise _too_large(file, most)
                    yield block
        except (requests.RequestException, ValueError) as error:
            host = urlsplit(url_of(model, file)).hostname
            raise EnvironmentFailedError(
                f"{file.name} cannot be fetched from {host} ({type(error).__name__}); nothing was kept, type the same "
                "again"
            ) from None

    def _opened(self, model: KnownModel, url: str) -> requests.Response:
        first = urlsplit(url)
        allowed = (*model.redirects, *(HUB_REDIRECTS if model.source.startswith("hub:") else ()))
        for _ in range(MOST_REDIRECTS + 1):
            _check_place(url, first.hostname or "", allowed)
            response = self._session.get(url, headers=_token(url), timeout=TIMEOUTS, stream=True, allow_redirects=False)
            if not response.is_redirect:
                return _checked(response, model)
            response.close()
            url = urljoin(url, response.headers["Location"])
        raise RefusedError(f"{first.hostname} sends {model.name} on and on; it is not fetched")


def url_of(model: KnownModel, file: KnownFile) -> str:
    """Where a file of a model lies."""
    if file.url:
        return file.url
    name = quote(file.name)
    if model.source.startswith("hub:"):
        return f"{_hub()}/{model.source.removeprefix('hub:')}/resolve/{quote(model.revision, safe='')}/{name}"
    return f"{model.source.rstrip('/')}/{name}"


def _hub() -> str:
    return (os.environ.get(HUB_VARIABLE) or HUB).rstrip("/")


def _token(url: str) -> dict[str, str]:
    token, hub = os.environ.get(TOKEN_VARIABLE), urlsplit(_hub())
    place = urlsplit(url)
    return {"Authorization": f"Bearer {token}"} if token and place[:2] == hub[:2] else {}


def _check_place(url: str, first: str, allowed: Sequence[str]) -> None:
    place = urlsplit(url)
    host = place.hostname or ""
    if place.scheme != "https" or place.username:
        raise RefusedError(f"{first} is not asked, or sends on, by https alone; nothing is fetched otherwise")
    known = (f".{host}".endswith(each) if each.startswith(".") else host == each for each in allowed)
    if host != first and not any(known):
        raise RefusedError(f"{first} sends on to another host, {host[:100]}, which nobody declared; nothing is fetched")


def _checked(response: requests.Response, model: KnownModel) -> requests.Response:
    if response.status_code == 200 and "Content-Encoding" not in response.headers:  # noqa: PLR2004
        return response
    response.close()
    host = urlsplit(response.url).hostname
    if response.status_code in _WANTS_ACCOUNT:
        page = f" at {_hub()}/{model.source.removeprefix('hub:')}" if model.source.startswith("hub:") else ""
        raise MissingError(
            f"{host} gives {model.name} to its users only: accept its terms{page}, then set {TOKEN_VARIABLE}"
        )
    raise MissingError(
        f"{host} does not have {model.name} as it is declared (it answered {response.status_code}); with its files in "
        f"a folder type: librarian models add FOLDER --name {model.name}"
    )


def _too_large(file: KnownFile, most: int) -> RefusedError:
    return RefusedError(f"{file.name} is larger than {most:,} bytes; it is not fetched (--most takes more)")


def _as_it_is(request: Any) -> Any:
    return request
