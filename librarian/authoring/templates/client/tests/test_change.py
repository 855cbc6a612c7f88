import little_server
import numpy as np
import pytest
from librarian import UnreachableError, UnusableInputError
from librarian.media import read_audio
from librarian.servers import ServerError
from librarian.testing import FileTask, tone

from librarian_template_client import TemplateClientSettings
from librarian_template_client.change import change


@pytest.fixture
def change_by(tmp_path):
    def changed(address):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        settings = TemplateClientSettings(server=address)
        return change(FileTask(folder, [tone(440, 0.5, 8000)], 8000, settings, many=False))

    return changed


def test_what_the_server_made_comes_out(change_by):
    with little_server.serving() as address:
        samples, rate = read_audio(change_by(address)["audio"])
    assert rate == 8000
    assert np.allclose(samples, tone(440, 0.5, 8000)[:, ::-1], atol=1e-4)


def test_a_server_that_is_away_is_said_to_be(change_by):
    with little_server.serving() as address:
        pass
    with pytest.raises(UnreachableError, match="does not answer"):
        change_by(address)
    with little_server.serving(status=503) as address, pytest.raises(UnreachableError, match="503"):
        change_by(address)


def test_what_is_no_answer_is_not_taken_for_one(change_by):
    with little_server.serving(status=302) as address, pytest.raises(ServerError, match="sends elsewhere"):
        change_by(address)
    with little_server.serving(status=404) as address, pytest.raises(ServerError, match="refuses it"):
        change_by(address)
    with little_server.serving(answer=b"<html>") as address, pytest.raises(UnusableInputError):
        change_by(address)
