"""The README names every setting, fact, output and label."""

import re
from pathlib import Path

import pytest

from librarian_tagging import LABELS, TAG, TONES
from librarian_tagging.sounds import Sound

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("operation", [TAG, TONES], ids=lambda operation: operation.name)
def test_every_setting_fact_and_output_is_in_a_table(operation):
    (section,) = re.findall(rf"^## {operation.name}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    cells = " ".join(line.split("|")[1] for line in section.splitlines() if line.startswith("|"))
    for name in (*operation.settings.model_fields, *operation.facts, *operation.outputs):
        assert f"`{name}`" in cells, name


def test_every_label_and_every_part_of_a_sound_is_explained():
    for name in (*LABELS, *Sound.model_fields):
        assert f"| `{name}` |" in README
