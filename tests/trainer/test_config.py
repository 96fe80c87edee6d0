from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from napari_stimg.errors import InputError
from napari_stimg.model import MAEConfig
from tests.small_corpus import small_config
from trainer.bounds import Bounds
from trainer.config import AT_WILL, Config, ModelConfig, as_tree, check_same_run, config_from, read_config, write_config

LEAST = {"data": {"corpus": "corpus"}, "run": {"folder": "run"}}


def config(**sections: dict[str, Any]) -> Config:
    """Return a whole configuration with these settings."""
    return config_from({name: LEAST.get(name, {}) | sections.get(name, {}) for name in LEAST.keys() | sections.keys()})


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return path


# --- what a file says ----------------------------------------------------------------------------------


def test_what_a_file_does_not_say_is_as_the_dataclasses_have_it() -> None:
    found = config()
    assert (found.data.corpus, found.run.folder) == ("corpus", "run")
    assert found.model == ModelConfig()
    assert found.optimiser.steps == 4000
    assert found.crops.sides == (12, 16, 20, 24)


def test_every_key_of_every_section_can_be_set_and_comes_back(tmp_path: Path) -> None:
    text = """
        data: {corpus: a, training: ['*x', 'y?'], validation: z, left_out: [v, w], min_spots: 3, unpacked: u}
        model: {width: 12, n_heads: 3, n_encoder_layers: 4, n_decoder_layers: 5, mlp_ratio: 6, scales: [1, 2.5],
                positions: absolute, binding: apart}
        crops: {scheme: slide, sides: 7, tokens: 8, neighbours: 9, channels: 10, channel_rule: uniform}
        masks: {scattered: 0, drop_genes: 1, thin: 0.25, visible_weight: 2}
        optimiser: {steps: 11, learning_rate: 1e-4, gene_learning_rate: 0, warmup: 0, weight_decay: 1, ema_decay: 0,
                    clip: 0.5, accumulate: 13}
        run: {folder: b, seed: 14, accelerator: cuda, devices: 15, nodes: 16, threads: 2,
              precision: bf16-mixed, compile: true, loader: resident, workers: 17, log_every: 18, validate_every: 19,
              save_every: 20, validation_batches: 21}
        loadings: {n_iterations: 22, sigma: 2, ridge: 0, max_cells: 23}
    """
    found, default = read_config(written(tmp_path, text)), as_tree(config())
    assert found.data.training == ("*x", "y?")
    assert found.data.validation == ("z",)
    assert found.model.scales == (1.0, 2.5)
    assert found.crops.sides == (7,)
    assert found.optimiser.learning_rate == 1e-4
    assert found.run.compile is True
    for section, values in as_tree(found).items():
        assert all(value != default[section][key] for key, value in values.items()), section
    write_config(found, tmp_path / "again.yaml")
    assert read_config(tmp_path / "again.yaml") == found
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.yaml", "run.yaml"]


def test_a_key_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "data: {corpus: a}\nrun:\n  folder: b\n  seed: 1\n  folder: c\n")
    with pytest.raises(InputError, match="found the key 'folder' for the second time on line 5; correct it"):
        read_config(path)


def test_settings_on_the_command_line_take_the_place_of_the_file_s(tmp_path: Path) -> None:
    path = written(tmp_path, "data: {corpus: a}\nrun: {folder: b}\noptimiser: {steps: 9}\nmodel:\n")
    overrides = ["optimiser.steps=12", "optimiser.learning_rate=2e-3", "data.validation=[a*, b]", "run.folder=c=d"]
    found = read_config(path, overrides)
    assert found.optimiser.steps == 12
    assert found.optimiser.learning_rate == 2e-3
    assert found.data.validation == ("a*", "b")
    assert found.run.folder == "c=d"


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "0.001", " .001"])
def test_numbers_that_yaml_takes_for_texts_are_numbers(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, f"data: {{corpus: a}}\nrun: {{folder: b}}\noptimiser: {{learning_rate: {text}}}")
    assert read_config(path).optimiser.learning_rate == 1e-3


def test_a_model_is_sized_by_the_configuration_and_the_corpus() -> None:
    sizes = {"width": 12, "n_heads": 3, "positions": "absolute", "scales": [2.0]}
    model = config(model=sizes).model
    assert model.sized(17) == MAEConfig(n_genes=17, **asdict(model))
    assert (model.sized(17).n_heads, model.sized(17).scales) == (3, (2.0,))


def test_the_model_s_settings_have_the_model_s_defaults() -> None:
    sizes = asdict(MAEConfig(n_genes=1))
    del sizes["n_genes"]
    assert asdict(ModelConfig()) == sizes


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "change", "match"),
    [
        (
            "optimiser",
            {"stepz": 1},
            r"^optimiser\.stepz: expected one of steps, learning_rate, .* no such key",
        ),
        ("optimizer", {"steps": 1}, r"^optimizer: expected one of data, run, model, crops, .*, found no such key"),
        ("optimiser", {"steps": 0}, r"^optimiser\.steps: expected a whole number >= 1, found 0; change it"),
        ("optimiser", {"steps": 2.0}, r"^optimiser\.steps: expected a whole number, found 2\.0"),
        ("optimiser", {"steps": "many"}, r"^optimiser\.steps: expected a whole number, found 'many'"),
        ("optimiser", {"steps": True}, r"^optimiser\.steps: expected a whole number, found True"),
        ("optimiser", {"steps": None}, r"^optimiser\.steps: expected a whole number, found None"),
        ("optimiser", {"learning_rate": "fast"}, r"^optimiser\.learning_rate: expected a number, found 'fast'"),
        ("optimiser", {"learning_rate": -1}, r"^optimiser\.learning_rate: expected a number >= 0, found -1"),
        ("optimiser", {"learning_rate": True}, r"^optimiser\.learning_rate: expected a number, found True"),
        ("optimiser", {"learning_rate": float("nan")}, r"^optimiser\.learning_rate: expected a number, found nan"),
        ("optimiser", {"learning_rate": float("inf")}, r"^optimiser\.learning_rate: expected a number, found inf"),
        ("optimiser", {"learning_rate": 10**400}, r"^optimiser\.learning_rate: expected a number, found 10000"),
        ("optimiser", {"learning_rate": [1]}, r"^optimiser\.learning_rate: expected a number, found \[1\]"),
        ("optimiser", {"ema_decay": 1}, r"^optimiser\.ema_decay: expected a number >= 0 and < 1, found 1"),
        ("optimiser", {"clip": 0}, r"^optimiser\.clip: expected a number > 0, found 0"),
        ("masks", {"thin": 1.5}, r"^masks\.thin: expected a number >= 0 and <= 1, found 1\.5"),
        (
            "crops",
            {"scheme": "cell"},
            r"^crops\.scheme: expected one of patch, spot, .*, slide, found 'cell'",
        ),
        ("crops", {"scheme": ["patch"]}, r"^crops\.scheme: expected one of patch, .*, found \['patch'\]"),
        ("crops", {"sides": [12, 1]}, r"^crops\.sides: expected a whole number >= 2 and <= 64, found 1"),
        ("crops", {"sides": []}, r"^crops\.sides: expected at least one value, found none; give one"),
        ("model", {"scales": []}, r"^model\.scales: expected at least one value, found none"),
        ("model", {"scales": [0.7, 0]}, r"^model\.scales: expected a number >= 0.01 and <= 1000, found 0"),
        ("model", {"width": 10}, r"^model\.width: expected a multiple of model\.n_heads \(4\), found 10; change one"),
        ("loadings", {"sigma": 0}, r"^loadings\.sigma: expected a number > 0, found 0"),
        ("data", {"training": [1]}, r"^data\.training: expected a text, found 1"),
        ("data", {"corpus": False}, r"^data\.corpus: expected a text, found False"),
        ("run", {"compile": 1}, r"^run\.compile: expected true or false, found 1"),
        ("run", {"compile": "yes"}, r"^run\.compile: expected true or false, found 'yes'"),
        ("run", {"seed": 2**31}, r"^run\.seed: expected a whole number >= 0 and <= 2\.14748e\+09, found 2147483648"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_by_name(section: str, change: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        config(**{section: change})


@pytest.mark.parametrize(
    ("tree", "match"),
    [
        ({}, r"^data\.corpus: expected a value, found none; every run needs one"),
        ({"data": {"corpus": "c"}}, r"^run\.folder: expected a value, found none"),
        ({"data": {}, "run": {"folder": "f"}}, r"^data\.corpus: expected a value, found none"),
        (LEAST | {"model": 3}, r"^model: expected `key: value` pairs, found 3"),
    ],
    ids=str,
)
def test_what_is_missing_or_no_section_is_refused_by_name(tree: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        config_from(tree)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("run: [", r"run\.yaml: expected a YAML file of settings, found while parsing"),
        ("- 1", r"run\.yaml: expected sections of `key: value` pairs, such as `run:`, found another layout"),
        ("steps: 3", r"run\.yaml: expected sections of `key: value` pairs"),
        ("", r"data\.corpus: expected a value, found none"),
    ],
)
def test_files_that_are_no_settings_are_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_config(written(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: expected a YAML file of settings, found \[Errno 2\]"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match=r"bytes\.yaml: expected a YAML file of settings, found 'utf-8' codec"):
        read_config(tmp_path / "bytes.yaml")


@pytest.mark.parametrize("override", ["steps=3", "optimiser.steps", "optimiser.=3", ".steps=3", "optimiser steps 3"])
def test_overrides_of_another_form_are_refused(tmp_path: Path, override: str) -> None:
    path = written(tmp_path, "")
    with pytest.raises(InputError, match=rf"expected section\.key=value, .*, found {override!r}"):
        read_config(path, [override])


def test_overrides_that_are_no_yaml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.validation: expected a YAML value, found '\[a'; quote it"):
        read_config(written(tmp_path, ""), ["data.validation=[a"])


# --- bounds --------------------------------------------------------------------------------------------


def test_bounds_are_included_unless_they_are_open() -> None:
    closed, opened = Bounds(1, 2), Bounds(1, 2, open_least=True, open_most=True)
    assert [closed.hold(value) for value in (0.9, 1, 1.5, 2, 2.1)] == [False, True, True, True, False]
    assert [opened.hold(value) for value in (0.9, 1, 1.5, 2, 2.1)] == [False, False, True, False, False]
    assert Bounds(least=3).hold(1e300)
    assert Bounds(most=3).hold(-1e300)


def test_bounds_are_said_in_words() -> None:
    assert str(Bounds(1)) == ">= 1"
    assert str(Bounds(0, 1, open_least=True, open_most=True)) == "> 0 and < 1"
    assert str(Bounds(most=0.5)) == "<= 0.5"


# --- going on ------------------------------------------------------------------------------------------


def changed(value: Any) -> Any:
    """Return another value that the same key may have."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value / 2 if isinstance(value, float) and value else value + 1
    if isinstance(value, str):
        others = {"patch": "spot", "variance": "uniform", "relative": "absolute", "bound": "apart", "auto": "cpu"}
        return others.get(value, "bf16-mixed" if value == "32-true" else f"{value}2")
    return type(value)(["other"]) if not value or isinstance(value[0], str) else type(value)([3])


SECTIONS = [name for name, kind in get_type_hints(Config).items() if is_dataclass(kind)]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_run_goes_on_only_with_settings_that_do_not_change_what_is_learned(section: str, tmp_path: Path) -> None:
    before = small_config(tmp_path / "corpus", tmp_path / "run")
    part = getattr(before, section)
    for key in (found.name for found in fields(part)):
        given = {key: changed(getattr(part, key))} if key != "n_heads" else {key: 4}
        given = given if key != "width" else {key: 16}  # a multiple of the heads
        after = replace(before, **{section: replace(part, **given)})
        if key in AT_WILL.get(section, ()):
            check_same_run(after, before)
        else:
            with pytest.raises(InputError, match=rf"^{section}\.{key}: expected .*, with which the run in .* found"):
                check_same_run(after, before)


def test_equal_settings_are_the_same_run_however_they_were_given() -> None:
    check_same_run(config(crops={"sides": 7}), config(crops={"sides": [7]}))
