from types import MappingProxyType

from librarian.testing import RecognizerConformance


class TestTemplateRecognizer(RecognizerConformance):
    package = "librarian-template-recognizer"
    hits = MappingProxyType(
        {
            "Member no. AB-123456, since 1987": {"MEMBER": "AB-123456"},
            "see PRIV/1987/42 in the second box": {"SHELF": "PRIV/1987/42"},
        }
    )
    misses = ("the part AB-123456 fits", "see OPEN/1987/42", "member since 1987")
