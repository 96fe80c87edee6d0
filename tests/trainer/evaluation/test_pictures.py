"""Pictures of an evaluation."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.image import imread

from napari_stimg.errors import InputError
from napari_stimg.lattice import find_lattice
from tests.known_slides import block, irregular_slide, simulated_slide
from trainer.evaluation.curves import error_figure, learning_figure, read_log
from trainer.evaluation.expert_labels import expert_labels
from trainer.evaluation.maps import HIDDEN_GREY, GeneMaps, domain_figure, gene_figure, match
from trainer.evaluation.pictures import file_name, write_figure

SLIDE = simulated_slide()
LATTICE = find_lattice(SLIDE)


def test_domains_take_the_colour_of_the_label_they_fit_best() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2, 2, -1])
    assert match(np.array([2, 2, 2, 0, 0, 1, 1, 1]), truth).tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert match(np.array([1, 1, 0, 0, 0, 0, 0, 2]), truth).tolist() == [0, 0, 1, 1, 1, 1, 1, 2]


def test_domains_beyond_the_labels_get_numbers_of_their_own() -> None:
    assert match(np.array([0, 1, 2, 3]), np.array([1, 1, 0, 0])).max() == 3
    assert sorted(match(np.array([0, 1, 2, 3]), np.array([1, 1, 0, 0]))) == [0, 1, 2, 3]


def test_domain_maps_show_experts_and_each_method_with_its_index() -> None:
    labels = expert_labels(SLIDE)
    assert labels is not None
    figure = domain_figure(SLIDE, LATTICE, labels, {"same": labels.codes, "one": np.zeros(SLIDE.n_spots, dtype=int)})
    assert [ax.get_title() for ax in figure.axes] == ["experts", "same: 1.00", "one: 0.00"]
    experts, same, one = (np.asarray(ax.images[0].get_array()) for ax in figure.axes)
    np.testing.assert_array_equal(experts, same)
    assert not np.array_equal(experts, one)
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == list(labels.names)


@pytest.mark.parametrize("slide", [SLIDE, irregular_slide()], ids=["hexagonal", "irregular"])
def test_gene_maps_hide_fill_and_subtract(slide, tmp_path: Path) -> None:
    lattice = find_lattice(slide)
    mask = block(slide, row=8, col=8, side=6)
    measured = np.where(mask, 2.0, 1.0)
    maps = GeneMaps(gene="MBP", measured=measured, reconstructed=np.full(mask.sum(), 1.0))
    figure = gene_figure(slide, lattice, mask, [maps, maps])
    seen, truth, filled, off = (np.asarray(ax.images[0].get_array()) for ax in figure.axes[:4])
    grey = np.isclose(seen, to_rgba(HIDDEN_GREY)).all(axis=2)
    assert 0.01 < grey.mean() < 0.6
    assert not np.array_equal(seen, truth)
    assert len(np.unique(filled.reshape(-1, 4), axis=0)) <= 2  # all is 1 now, and what is off tissue
    assert len(np.unique(off[grey], axis=0)) == 1
    write_figure(figure, tmp_path / "new" / "maps.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["maps.png"]
    assert imread(tmp_path / "new" / "maps.png").shape[1] > 1000


def rows() -> pd.DataFrame:
    errors = {"slide mean": 1.0, "zeros": 2.0, "kriging": 0.9, "napari-stimg": 0.8, "nearest spot": 1.8}
    return pd.DataFrame(
        [
            {"section": "a", "side": side, "method": name, "mse": e, "mae": e, "gain_percent": 100 - 100 * e}
            | {"mse_floor": 0.7}
            for side in ("1 x 9", "4", "8")
            for name, e in errors.items()
        ]
    )


def test_every_method_has_a_line_and_far_ones_a_panel_of_their_own() -> None:
    figure = error_figure(rows())
    far, near = figure.axes[:2]
    assert {line.get_label() for line in far.lines if not line.get_label().startswith("_")} == {"zeros", "nearest spot"}
    named = {line.get_label() for line in near.lines if not line.get_label().startswith("_")}
    assert named == {"slide mean", "kriging", "napari-stimg", "noise floor"}
    assert len(figure.legends[0].get_texts()) == 6
    model = next(line for line in near.lines if line.get_label() == "napari-stimg")
    assert list(model.get_xdata()) == [1, 2]  # squares; scattered spots stand apart
    assert [label.get_text() for label in near.get_xticklabels()] == ["1 x 9\nscattered", "4", "8"]


def test_a_floor_far_below_is_left_out_and_an_empty_panel_hidden() -> None:
    table = rows()
    table = table[~table["method"].isin(["zeros", "nearest spot"])].assign(mse_floor=0.01)
    far, near = error_figure(table).axes[:2]
    assert not far.get_visible()
    assert "noise floor" not in [line.get_label() for line in near.lines]


def write_log(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_learning_curves_show_losses_and_each_score(tmp_path: Path) -> None:
    log = write_log(
        tmp_path / "log.jsonl",
        {"step": 10, "loss": 0.9, "mean_loss": 1.0, "note": "text"},
        {"step": 20, "loss": 0.8, "mean_loss": 1.0},
        {"step": 20, "validation": {"loss": 0.85, "mean_loss": 1.0, "gain_percent": 15.0}},
        {"step": 20, "loss": 0.7, "mean_loss": 1.0},
    )
    training, validation = read_log(log)
    assert training["loss"].tolist() == [0.9, 0.7]  # a step done again counts as it was last
    assert validation["gain_percent"].tolist() == [15.0]
    losses, gain = learning_figure(log).axes
    assert [line.get_label() for line in losses.lines] == [
        "model, training",
        "model, validation",
        "gene means, training",
        "gene means, validation",
    ]
    assert gain.get_ylabel() == "gain percent, validation"


def test_a_log_without_validation_is_drawn(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", {"step": 10, "loss": 0.9})
    assert len(learning_figure(log).axes) == 1


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "expected the log of a run, found no lines; give its log.jsonl after a few steps"),
        ("[1]\n", "expected JSON with a step on every line, found other text on line 1; remove that line"),
        ('{"loss": 1}\n', "expected JSON with a step on every line, found other text on line 1"),
        ("step 1\n", "expected JSON with a step on every line, found other text on line 1"),
    ],
)
def test_what_is_no_log_is_refused(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(InputError, match=match):
        read_log(tmp_path / "log.jsonl")


def test_a_missing_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected the log of a run, found .*No such file"):
        read_log(tmp_path / "log.jsonl")


def test_names_of_files_are_plain() -> None:
    assert file_name("a/b c:é", "genes") == "a_b_c_-genes.png"
