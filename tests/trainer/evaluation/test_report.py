"""Reports: JSON for programs, Markdown for people."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_stimg.errors import InputError
from tests.known_slides import factor_checkpoint, simulated_slide
from trainer.evaluation.genes import shared_genes
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.report import Report, check_report_target, pictures_folder, write_report
from trainer.evaluation.tables import by_side, markdown

CHECKPOINT = replace(factor_checkpoint(), card={"sections": ["seen"]}, sha256="0123456789abcdef")


def scored(section: str, method: str, side: str, mse: float) -> dict[str, object]:
    row = {"section": section, "side": side, "method": method, "mse": mse, "gain_percent": 1.25, "pcc_gene": np.nan}
    return row | {"mse_floor": 0.1}


def report() -> Report:
    sections = [{"name": name, "trained_on": name == "seen"} for name in ("seen", "new")]
    rows = [
        scored(section, method, side, mse)
        for section in ("seen", "new")
        for side in ("1 x 9", "4")
        for method, mse in (("slide mean", 0.5), ("napari-stimg", 0.25))
    ]
    domains = [{"section": "new", "method": "PCA", "ari": 0.5, "ari_sd": 0.125, "seconds": np.nan}]
    return Report(sections=sections, reconstruction=rows, domains=domains, pictures=["report_files/a.png"])


def test_files_say_the_same_and_leave_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "report"
    text = write_report(report(), CHECKPOINT, EvaluateParameters(seed=7), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]
    assert (tmp_path / "report.md").read_text() == text
    facts = json.loads((tmp_path / "report.json").read_text())
    assert facts["parameters"]["seed"] == 7
    assert facts["checkpoint"] == {"file": "none.safetensors", "sha256": "0123456789abcdef"}
    assert facts["reconstruction"][0]["mse"] == 0.5
    assert facts["reconstruction"][0]["pcc_gene"] is None
    assert facts["domains"][0]["seconds"] is None


def test_sections_the_model_was_trained_on_are_marked_and_no_others(tmp_path: Path) -> None:
    text = write_report(report(), CHECKPOINT, EvaluateParameters(), tmp_path / "report")
    assert "### seen *(trained on)*" in text
    assert "| seen *(trained on)* | 4 |" in text
    assert "new *(trained on)*" not in text


def test_the_report_says_what_absolute_errors_and_random_spots_are_worth(tmp_path: Path) -> None:
    rows = [{"section": "new", "protocol": "random 20 %", "accuracy": 0.5, "accuracy_sd": 0.1}]
    text = write_report(replace(report(), probes=rows), CHECKPOINT, EvaluateParameters(), tmp_path / "report")
    assert "Absolute errors\nare lowest for medians" in text
    assert "have neighbours that were told" in text
    assert "0.500 ± 0.100" in text
    assert "![a](report_files/a.png)" in text


def test_parts_without_rows_are_left_out(tmp_path: Path) -> None:
    text = write_report(Report(), CHECKPOINT, EvaluateParameters(), tmp_path / "report")
    assert "##" not in text


def test_the_lowest_error_of_a_side_is_bold() -> None:
    table = by_side(pd.DataFrame(report().reconstruction[:4]))
    assert table.splitlines() == [
        "| method | 1 x 9 spots | side 4 |",
        "| --- | --- | --- |",
        "| slide mean | 0.5000 (1.2 %) - | 0.5000 (1.2 %) - |",
        "| napari-stimg | **0.2500** (1.2 %) - | **0.2500** (1.2 %) - |",
    ]


def test_spreads_stand_beside_their_means() -> None:
    table = markdown(pd.DataFrame([{"ari": 0.5, "ari_sd": 0.25, "n": 3}, {"ari": 0.1, "ari_sd": np.nan, "n": 4}]))
    assert table.splitlines() == ["| ari | n |", "| --: | --: |", "| 0.500 ± 0.250 | 3 |", "| 0.100 | 4 |"]


def test_pictures_lie_beside_the_report() -> None:
    assert pictures_folder(Path("a") / "report.v1") == Path("a") / "report.v1_files"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a folder that can be written to, found none at .*nowhere; make it"):
        check_report_target(tmp_path / "nowhere" / "report")


def test_shared_genes_are_the_most_variable_of_the_reference() -> None:
    slide = simulated_slide()
    fewer = replace(slide, counts=slide.counts[:, ::2], gene_names=slide.gene_names[::2], gene_ids=None)
    names = shared_genes(slide, [slide, fewer], 5)
    assert len(names) == 5
    assert set(names) <= set(fewer.gene_names)
    assert shared_genes(slide, [slide, fewer], 3) == names[:3]


def test_sections_without_a_shared_gene_are_refused() -> None:
    slide = simulated_slide()
    other = replace(slide, gene_names=np.array([f"X{i}" for i in range(slide.n_genes)]), gene_ids=None)
    with pytest.raises(InputError, match="expected genes of simulated0 that all sections have, found none; evaluate"):
        shared_genes(slide, [other], 5)
