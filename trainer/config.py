"""Everything that decides a pretraining run, as frozen dataclasses that a YAML file fills.

A key that is not here, a value of another type and a value out of range are refused by name before anything starts.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from napari_stimg.channels import ChannelRule
from napari_stimg.errors import InputError
from napari_stimg.model import Binding, MAEConfig, Positions
from trainer.bounds import Bounds, NotEmpty
from trainer.files import read_yaml, write_text
from trainer.loadings import LoadingsParameters

Scheme = Literal["patch", "spot", "neighbourhood", "slide"]

AT_WILL: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "data": frozenset({"corpus", "unpacked"}),
        "optimiser": frozenset({"steps", "accumulate"}),
        "run": frozenset({"accelerator", "devices", "nodes", "threads", "compile", "workers"})
        | {"log_every", "validate_every", "save_every", "folder"},
    }
)
"""Keys that may differ when a run goes on: where things lie, on what it runs, how often it says so, how long it is.

Processes may become fewer if each accumulates as many batches more (see ``RunFolder.begin``)."""


NEVER_EMPTY = {"crops.sides": "[16]", "model.scales": "[1.5]", "data.training": '["*"]'}
"""Lists that need a value, with an example."""

Count = Annotated[int, Bounds(1)]
Share = Annotated[float, Bounds(0, 1)]
Rate = Annotated[float, Bounds(0)]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What is learned from.

    Parameters
    ----------
    corpus : str
        The folder that ``stimg-train corpus`` wrote.
    training : tuple of str
        Names of sections to train on, or patterns of them (``*``, ``?`` and ``[1-3]``).
    validation : tuple of str
        Patterns of sections that are never trained on, on which the run is checked as it goes.
    left_out : tuple of str
        Patterns of sections that take no part at all.
    min_spots : int
        Spots of the training sections in which a gene must have been counted for the model to learn it.
    unpacked : str
        Folder for the unpacked corpus; empty for the corpus' own.
    """

    corpus: str
    training: tuple[str, ...] = ("*",)
    validation: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    min_spots: Count = 10
    unpacked: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the model, as in ``MAEConfig``; the genes come from the corpus."""

    width: Count = 128
    n_heads: Count = 4
    n_encoder_layers: Count = 2
    n_decoder_layers: Count = 2
    mlp_ratio: Annotated[int, Bounds(1, 64)] = 2
    scales: tuple[Annotated[float, Bounds(0.01, 1000)], ...] = (0.7, 1.5, 3.0, 6.0)
    positions: Positions = "relative"
    binding: Binding = "bound"

    def sized(self, n_genes: int) -> MAEConfig:
        """Return the configuration of a model that knows ``n_genes`` genes."""
        return MAEConfig(n_genes=n_genes, **asdict(self))


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """What one sample shows.

    Parameters
    ----------
    scheme : {"patch", "spot", "neighbourhood", "slide"}
        Square crops; every spot alone; a spot with its nearest neighbours; a whole section at once.
    sides : tuple of int
        Sides of square crops, in cells; one is drawn for each batch. Other schemes take as many cells to a sample.
    tokens : int
        Cells in a batch, about: larger crops make smaller batches, so that every scheme costs alike.
    neighbours : int
        Nearest cells beside each spot (``neighbourhood`` only).
    channels : int
        m, genes of a sample.
    channel_rule : {"variance", "uniform", "top-hvg"}
        How they are drawn.
    """

    scheme: Scheme = "patch"
    sides: tuple[Annotated[int, Bounds(2, 64)], ...] = (12, 16, 20, 24)
    tokens: Count = 2048
    neighbours: Count = 18
    channels: Count = 512
    channel_rule: ChannelRule = "variance"


@dataclass(frozen=True, kw_only=True)
class MaskConfig:
    """What is hidden of it.

    Parameters
    ----------
    scattered : float
        Share of samples whose hidden cells are scattered; one to three blocks are hidden in the others.
    drop_genes : float
        Share of samples in which some genes are hidden in visible cells, too (always, where each spot stands alone).
    thin : float
        Share of samples that are shown a part of their molecules only (half of them, or 70 %).
    visible_weight : float
        Weight of what was hidden of a visible cell, beside 1 for a hidden cell.
    """

    scattered: Share = 0.4
    drop_genes: Share = 0.5
    thin: Share = 2 / 3
    visible_weight: Rate = 0.3


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """How weights change.

    Parameters
    ----------
    steps : int
        Optimiser steps.
    learning_rate, gene_learning_rate : float
        Peak rates of the layers and of the gene embeddings, reached after ``warmup`` steps, then a cosine to zero.
    warmup : int
        Steps of linear warm-up.
    weight_decay : float
        On matrices of the layers, not on embeddings, norms and biases.
    ema_decay : float
        Of the exponential average of the weights, which is what a checkpoint holds.
    clip : float
        Largest gradient norm.
    accumulate : int
        Batches whose gradients make one step, on every process.
    """

    steps: Count = 4000
    learning_rate: Rate = 1e-3
    gene_learning_rate: Rate = 1e-4
    warmup: Annotated[int, Bounds(0)] = 200
    weight_decay: Rate = 0.05
    ema_decay: Annotated[float, Bounds(0, 1, open_most=True)] = 0.998
    clip: Annotated[float, Bounds(0, open_least=True)] = 1.0
    accumulate: Count = 1


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where and on what a run takes place.

    Parameters
    ----------
    folder : str
        Gets configuration, states, log and curves.
    seed : int
        Of initial weights, crops, channels and masks.
    accelerator : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    devices, nodes : int
        Processes on each machine, one a device, and machines. ``torchrun`` overrides both.
    threads : int
        Of each process on a CPU. More are faster on an idle machine and far slower on a busy one; a run goes on bit for
        bit only with as many as before.
    precision : {"32-true", "bf16-mixed"}
        Of the matrix products.
    compile : bool
        Whether the model is compiled (slow to start; for GPUs).
    loader : {"auto", "workers", "resident"}
        Samples are made by processes on the CPU, or on the device, which then holds the whole corpus; ``auto``: on a
        GPU if the corpus takes at most a third of its memory.
    workers : int
        Processes that make samples, for each device; 0 makes them in the training process.
    log_every, validate_every, save_every : int
        Steps.
    validation_batches : int
        Batches of the validation sections that are reconstructed each time.
    """

    folder: Annotated[str, NotEmpty()]
    seed: Annotated[int, Bounds(0, 2**31 - 1)] = 0
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Count = 1
    nodes: Count = 1
    threads: Annotated[int, Bounds(1, 1024)] = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    compile: bool = False
    loader: Literal["auto", "workers", "resident"] = "auto"
    workers: Annotated[int, Bounds(0, 1024)] = 0
    log_every: Count = 20
    validate_every: Count = 250
    save_every: Count = 250
    validation_batches: Count = 8


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    data: DataConfig
    run: RunConfig
    model: ModelConfig = field(default_factory=ModelConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    masks: MaskConfig = field(default_factory=MaskConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loadings: LoadingsParameters = field(default_factory=LoadingsParameters)

    def __post_init__(self) -> None:
        if self.model.width % self.model.n_heads:
            raise InputError(
                f"model.width: expected a multiple of model.n_heads ({self.model.n_heads}), "
                f"found {self.model.width}; change one of them."
            )


def read_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration of a YAML file.

    Parameters
    ----------
    path : Path
        The file.
    overrides : sequence of str
        ``section.key=value``, each taking the place of what the file says; the value is YAML.

    Raises
    ------
    InputError
        If the file cannot be read, or a key, a type or a value is wrong.
    """
    tree = read_yaml(path) or {}
    if not isinstance(tree, dict) or not all(value is None or isinstance(value, dict) for value in tree.values()):
        raise InputError(f"{path}: expected sections of `key: value` pairs, such as `run:`, found another layout.")
    sections = {str(name): dict(values or {}) for name, values in tree.items()}
    for override in overrides:
        section, key, value = _parse_override(override)
        sections.setdefault(section, {})[key] = value
    return config_from(sections)


def config_from(tree: Mapping[str, Any]) -> Config:
    """Return the configuration of nested mappings, such as ``as_tree`` gives.

    Raises
    ------
    InputError
        If a key, a type or a value is wrong; the message names it.
    """
    return _build(Config, tree, "")


def as_tree(config: Config) -> dict[str, dict[str, Any]]:
    """Return the configuration as nested dicts of plain values, defaults included."""
    tree: dict[str, dict[str, Any]] = yaml.safe_load(yaml.safe_dump(_plain(asdict(config))))
    return tree


def write_config(config: Config, path: Path) -> None:
    """Write the whole configuration, defaults included, as YAML; beside its place, then renamed."""
    write_text(path, yaml.safe_dump(as_tree(config), sort_keys=False))


def check_same_run(config: Config, started: Config) -> None:
    """Check that a configuration is that of a run which shall go on, but for what may change at will.

    Raises
    ------
    InputError
        If another setting differs; the message names it.
    """
    before = as_tree(started)
    for section, values in as_tree(config).items():
        for key, value in values.items():
            if key not in AT_WILL.get(section, ()) and value != before[section][key]:
                raise InputError(
                    f"{section}.{key}: expected {before[section][key]!r}, with which the run in "
                    f"{config.run.folder} was started, found {value!r}; go on with that, or name another run.folder."
                )


def _parse_override(text: str) -> tuple[str, str, Any]:
    name, equals, value = text.partition("=")
    section, dot, key = name.partition(".")
    if not (equals and dot and section and key):
        raise InputError(f"expected section.key=value, such as optimiser.steps=1000, found {text!r}.")
    try:
        return section, key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"{name}: expected a YAML value, found {value!r}; quote it.") from error


Built = TypeVar("Built")


def _build(kind: type[Built], tree: object, name: str) -> Built:
    """Return a dataclass from a mapping whose every value was checked against the field's type."""
    if not isinstance(tree, Mapping):
        raise InputError(f"{name}: expected `key: value` pairs, found {tree!r}.")
    hints = get_type_hints(kind, include_extras=True)
    known = {part.name: part for part in fields(kind)}  # type: ignore[arg-type]  # every kind here is a dataclass
    values = {}
    for key, value in tree.items():
        if key not in known:
            raise InputError(f"{_join(name, key)}: expected one of {', '.join(known)}, found no such key; correct it.")
        values[key] = _value(value, hints[key], _join(name, key))
    for key, part in known.items():
        if key not in values and part.default is MISSING and part.default_factory is MISSING:
            if not is_dataclass(hints[key]):
                raise InputError(f"{_join(name, key)}: expected a value, found none; every run needs one.")
            values[key] = _build(hints[key], {}, _join(name, key))  # says which of its keys is missing
    return kind(**values)


def _value(value: Any, hint: Any, name: str) -> Any:
    """Return a value as its type has it."""
    if is_dataclass(hint):
        return _build(hint, value, name)  # type: ignore[arg-type]  # a class, not an instance
    origin = get_origin(hint)
    if origin is Annotated:
        plain, *limits = get_args(hint)
        checked = _value(value, plain, name)
        for bounds in limits:
            if not bounds.hold(checked):
                raise InputError(f"{name}: expected {_described(plain)} {bounds}, found {value!r}; change it.")
        return checked
    if origin is Literal:
        if value not in get_args(hint) or isinstance(value, bool):
            choices = ", ".join(map(str, get_args(hint)))
            raise InputError(f"{name}: expected one of {choices}, found {value!r}; choose one of them.")
        return value
    if origin is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        if not items and name in NEVER_EMPTY:
            raise InputError(f"{name}: expected at least one value, found none; give one, such as {NEVER_EMPTY[name]}.")
        return tuple(_value(item, get_args(hint)[0], name) for item in items)
    return _scalar(value, hint, name)


def _scalar(value: Any, kind: type, name: str) -> Any:
    """Return a value of one of the plain types; ``1e-3``, which YAML takes for text, is a number."""
    wrong = isinstance(value, bool) is not (kind is bool)
    try:
        converted = kind(value) if kind is float and isinstance(value, int | float | str) else value
    except (ValueError, OverflowError):
        wrong = True
    if wrong or not isinstance(converted, kind) or (isinstance(converted, float) and not math.isfinite(converted)):
        raise InputError(f"{name}: expected {_described(kind)}, found {value!r}; change it.")
    return converted


def _described(kind: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[kind]


def _join(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)


def _plain(value: Any) -> Any:
    """Return nested values with lists in the place of tuples, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
