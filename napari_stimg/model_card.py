"""What a checkpoint says of itself, in plain words.

Cards differ with what wrote them: whatever is missing is left out.
"""

from collections.abc import Mapping
from typing import Any

from napari_stimg.models import ModelFile
from napari_stimg.tuning import in_words

MOST_NAMED, MOST_IN_DETAILS = 3, 60
"""Sections named in a summary, and in the details; of more, the others are counted."""

SCORES = {
    "gain_percent": "squared error {:.1f} % below the genes' means",
    "knn_accuracy": "labels told with accuracy {:.2f}",
}
"""What ``stimg-train fit`` measures on sections to validate on (``trainer.validation``), in words."""

Facts = list[tuple[str, str]]


def summary(model: ModelFile) -> Facts:
    """Return (what, value) pairs: what it was trained and validated on, and its sizes; or why it is unusable."""
    if model.problem:
        return [("Unusable", model.problem)]
    return _said(
        [
            ("Trained on", _joined(_count(_sections(model), "section"), _steps(model))),
            ("Fine-tuned on", in_words(model.card)),
            (
                "Sizes",
                _joined(
                    _sized("{:,} genes", model.sizes.get("n_genes")), _sized("width {:,}", model.sizes.get("width"))
                ),
            ),
            ("Validated on", _validated(model.card)),
        ]
    )


def details(model: ModelFile) -> Facts:
    """Return what more there is to know: file, checksum, origin, sections, use and limits, the author's notes."""
    card = model.card
    notes = card.get("notes")
    return _said(
        [
            ("File", str(model.path)),
            ("Checksum", model.sha256[:12]),
            ("Made by", _joined(_text("napari-stimg {}", card.get("version")), _text("seed {}", card.get("seed")))),
            ("Trained further from", _text("{}", card.get("trained_further_from"))[:12]),
            ("Sections", _named(_sections(model), most=MOST_IN_DETAILS)),
            *((str(key), str(value)) for key, value in (notes.items() if isinstance(notes, dict) else ())),
            ("Licence", _text("{}", card.get("licence"))),
            ("Note", _text("{}", card.get("note"))),
            ("Use and limits", " ".join(_texts(card.get("use_and_limits")))),
        ]
    )


def _sections(model: ModelFile) -> list[str]:
    return _texts(model.card.get("sections"))


def _steps(model: ModelFile) -> str:
    return _sized("{:,} steps", model.card.get("steps"))


def _validated(card: Mapping[str, Any]) -> str:
    """Return where it was validated and how well it did there; empty if the card is silent about it."""
    if "validated_on" not in card:
        return ""
    names = _texts(card["validated_on"])
    if not names:
        return "nothing"
    scores = card.get("scores")
    found = "; ".join(
        words.format(scores[key])
        for key, words in SCORES.items()
        if isinstance(scores, dict) and isinstance(scores.get(key), int | float)
    )
    return _named(names, most=MOST_NAMED) + (f": {found}" if found else "")


def _named(names: list[str], *, most: int) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _said(facts: Facts) -> Facts:
    return [(what, value) for what, value in facts if value]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _count(things: list[str], what: str) -> str:
    return f"{len(things):,} {what}{'' if len(things) == 1 else 's'}" if things else ""


def _sized(words: str, number: Any) -> str:
    return words.format(number) if isinstance(number, int) else ""


def _text(words: str, value: Any) -> str:
    return "" if value is None else words.format(value)


def _texts(values: Any) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list | tuple) else []
