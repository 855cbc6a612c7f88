import little_server
import pytest
from librarian.testing import Conformance


class TestTemplateClient(Conformance):
    package = "librarian-template-client"
    operation = "template_client"

    @pytest.fixture(autouse=True)
    def _server(self):
        with little_server.serving() as address:
            type(self).settings = {"server": address}
            yield
