"""What is said of a corpus."""

from pathlib import Path

from tests.corpus_slides import corpus_slide
from trainer.store import open_corpus, pack_slides
from trainer.store.table import notes_of, summary_of, table_of


def test_a_note_of_many_sections_is_said_once(tmp_path: Path) -> None:
    notes = (("Spots were lost.",), (), ("Spots were lost.", "No scale."), ("Spots were lost.",))
    slides = [corpus_slide(f"s{i}", seed=i, notes=note) for i, note in enumerate(notes)]
    entries = pack_slides(slides, tmp_path / "corpus").added
    assert notes_of(entries) == ["s0 and 2 others: Spots were lost.", "s2: No scale."]


def test_columns_line_up(tmp_path: Path) -> None:
    slides = [corpus_slide("a"), corpus_slide("a longer name", shape=(40, 40), seed=1)]
    header, *lines = table_of(pack_slides(slides, tmp_path / "corpus").added).splitlines()
    assert {line[: header.index("MB") + 2][-4:].count(".") for line in lines} == {1}
    assert all(line.endswith("  layer") for line in lines)
    assert lines[1].startswith("a longer name  square 40 x 40  1,597  1,597      4  ")


def test_one_section_is_no_sections(tmp_path: Path) -> None:
    pack_slides([corpus_slide("a")], tmp_path / "corpus")
    assert summary_of(open_corpus(tmp_path / "corpus")).startswith(f"{tmp_path / 'corpus'}: 1 section, 32 spots in 32 ")
