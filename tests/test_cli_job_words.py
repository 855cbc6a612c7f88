"""What of a job file may come back in a message about it."""

from __future__ import annotations

from harness import Archive


def test_words_to_choose_from_are_listed_though_another_step_has_one_and_other_texts_never_come_back(
    calls: Archive,
) -> None:
    path = calls.root / "job.yaml"
    text = path.read_text()
    line = next(line for line in text.splitlines() if "use: normalize" in line)
    steps = [
        "  - {id: one, use: normalize, with: {meter: pyloudnorm}}",
        "  - {id: two, use: normalize, with: {meter: Zyxtrov}}",
    ]
    path.write_text(text.replace(line, "\n".join([line, *steps])))
    said = calls.librarian("run", "job.yaml", code=2).stderr
    assert "input should be 'librarian' or 'pyloudnorm'" in said
    assert "Zyxtrov" not in said
