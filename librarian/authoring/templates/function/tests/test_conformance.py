from librarian.testing import Conformance


class TestTemplateFunction(Conformance):
    package = "librarian-template-function"
    operation = "template_function"
