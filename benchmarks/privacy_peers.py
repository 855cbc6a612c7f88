"""What other libraries find in a text: presidio-analyzer without a model of names, and scrubadub, where installed."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator

Find = Callable[[str], Iterator[tuple[int, int, str]]]


def _presidio() -> Find:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    logging.disable(logging.WARNING)
    none = {"nlp_engine_name": "no_op", "models": [{"lang_code": "en", "model_name": "no_op"}]}
    engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=none).create_engine())
    return lambda text: ((each.start, each.end, each.entity_type) for each in engine.analyze(text, language="en"))


def _scrubadub() -> Find:
    import scrubadub

    scrubber = scrubadub.Scrubber()
    return lambda text: ((each.beg, each.end, each.type) for each in scrubber.iter_filth(text))


def peers() -> dict[str, Find]:
    """Name → what it finds, of those that are installed here."""
    makers = {"presidio_analyzer": _presidio, "scrubadub": _scrubadub}
    return {name: make() for name, make in makers.items() if importlib.util.find_spec(name)}
