"""Languages that models are told or find out, as BCP 47 tags. Light: a plan needs it."""

from __future__ import annotations

from typing import Literal, get_args

# fmt: off
Language = Literal[
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs",
    "cy", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu",
    "ha", "haw", "he", "hi", "hr", "ht", "hu", "hy", "id", "is", "it", "ja", "jv", "ka",
    "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi", "mk", "ml",
    "mn", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt",
    "ro", "ru", "sa", "sd", "si", "sk", "sl", "sn", "so", "sq", "sr", "su", "sv", "sw",
    "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur", "uz", "vi", "yi", "yo",
    "yue", "zh",
]
# fmt: on
LANGUAGES: tuple[str, ...] = get_args(Language)
UNKNOWN = "und"
"""Undetermined: of a model that does not say which language it heard."""
ANOTHER = "another"
"""In the record: a tag that is none of these."""

_CALLED: dict[str, str] = {"jv": "jw"}
"""What models call a language whose tag is another."""
UNSPACED = ("zh", "ja", "th", "lo", "my", "bo", "km", "yue")
"""Written without spaces between words."""


def tag_of(called: str) -> str:
    """The tag of what a model calls a language.

    >>> tag_of("jw"), tag_of("en")
    ('jv', 'en')
    """
    return next((tag for tag, other in _CALLED.items() if other == called), called)


def called(tag: str) -> str:
    """What models call a language."""
    return _CALLED.get(tag, tag)
