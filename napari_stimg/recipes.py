"""What was done to a section, written down so that it can be done again: as Python, or as a command line."""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from napari_stimg.domains import ClusterParameters, PaintParameters


@dataclass(frozen=True, kw_only=True)
class Embed:
    """Embed every spot."""

    verb: str = "embedded"


@dataclass(frozen=True, kw_only=True)
class FindDomains:
    """Find domains without labels, with these parameters."""

    params: ClusterParameters
    verb: str = "domains"


@dataclass(frozen=True, kw_only=True)
class PaintDomains:
    """Paint domains from the labels in this column of ``obs``, with these parameters."""

    params: PaintParameters
    labels_key: str
    verb: str = "domains"


@dataclass(frozen=True, kw_only=True)
class Reconstruct:
    """Reconstruct the spots that are True in a column of ``obs``.

    Parameters
    ----------
    mask_key : str
        The column.
    n_genes : int or None
        How many of the genes that vary most among the visible spots; None = all genes.
    genes : tuple of str
        Genes besides.
    """

    mask_key: str
    n_genes: int | None
    genes: tuple[str, ...] = ()
    verb: str = "reconstructed"


Deed = Embed | FindDomains | PaintDomains | Reconstruct


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is done, to which section, with which model.

    Parameters
    ----------
    file : Path
        The section, in any format that ``read_slide`` knows.
    section : str or None
        Which of the file's sections, where it holds several.
    checkpoint : Path or None
        The model; None = the bundled one.
    device : str
        Where the model ran: ``cpu``, ``cuda`` or ``mps``; elsewhere the last digits differ.
    deed : Embed, FindDomains, PaintDomains or Reconstruct
        What is done.
    """

    file: Path
    section: str | None = None
    checkpoint: Path | None = None
    device: str = "cpu"
    deed: Deed

    @property
    def target(self) -> Path:
        """Where the command writes its result: beside the file."""
        return self.file.with_name(f"{self.file.name.split('.')[0]}_{self.deed.verb}.h5ad")


def as_command(recipe: Recipe) -> str:
    """Return one line for a shell that does what the recipe says."""
    deed, words = recipe.deed, [str(recipe.file)]
    words += [] if recipe.section is None else ["--section", recipe.section]
    words += ["-o", str(recipe.target)]
    if isinstance(deed, Embed):
        command = "embed"
    elif isinstance(deed, Reconstruct):
        command = "reconstruct"
        words += ["--mask-key", deed.mask_key, *_genes_asked(deed)]
    else:
        command, params = "domains", deed.params
        if isinstance(params, ClusterParameters):
            words += ["--n-domains", str(params.n_domains), "--method", params.method, "--seed", str(params.seed)]
        elif isinstance(deed, PaintDomains):
            words += ["--labels-key", deed.labels_key, "--method", params.method]
            words += ["--n-neighbours", str(params.n_neighbours)] if params.method == "knn" else []
        words += [] if params.refine else ["--no-refine"]
    words += ["--device", recipe.device]
    words += [] if recipe.checkpoint is None else ["--checkpoint", str(recipe.checkpoint)]
    return shlex.join(["stimg", command, *words])


def as_python(recipe: Recipe) -> str:
    """Return a script that does what the recipe says; its last line names the result."""
    section = "" if recipe.section is None else f", section={recipe.section!r}"
    imports, steps = _steps(recipe.deed)
    checkpoint = "" if recipe.checkpoint is None else repr(str(recipe.checkpoint))
    arguments = [f"Path({checkpoint})"] if checkpoint else []
    arguments += [] if recipe.device == "cpu" else [f"device={recipe.device!r}"]
    path = "from pathlib import Path\n\n" if checkpoint else ""
    known = {"napari_stimg": {"load_checkpoint", "read_slide"}, "napari_stimg.progress": {"run"}}
    for module, names in imports.items():
        known.setdefault(module, set()).update(names)
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(known.items())]
    opening = [
        f"slide = read_slide({str(recipe.file)!r}{section})",
        f"checkpoint = load_checkpoint({', '.join(arguments)})",
    ]
    return path + "\n".join([*lines, "", *opening, *steps]) + "\n"


def _genes_asked(deed: Reconstruct) -> list[str]:
    if deed.n_genes is None:
        return ["--genes", "all"]
    return ["--n-genes", str(deed.n_genes), *(["--genes", ",".join(deed.genes)] if deed.genes else [])]


def _steps(deed: Deed) -> tuple[dict[str, set[str]], list[str]]:
    """Return which names a script needs of which modules, and its lines after the section has been read."""
    if isinstance(deed, Reconstruct):
        return _reconstructing(deed)
    imports = {"napari_stimg": {"embed"}}
    lines = ["embedding = run(embed(slide, checkpoint))  # one row a spot"]
    if isinstance(deed, FindDomains):
        imports["napari_stimg"].add("find_lattice")
        imports["napari_stimg.domains"] = {"ClusterParameters", "cluster"}
        lines += [
            f"params = {_called(deed.params)}",
            "domains = cluster(embedding, find_lattice(slide).positions, params=params)  # 0, 1 ... for each spot",
        ]
    elif isinstance(deed, PaintDomains):
        imports["napari_stimg"].add("find_lattice")
        imports["napari_stimg.domains"] = {"PaintParameters", "paint"}
        imports["napari_stimg.labels"] = {"labels_of"}
        lines += [
            f"labels = labels_of(slide, {deed.labels_key!r})",
            f"params = {_called(deed.params)}",
            "painting = paint(embedding, find_lattice(slide).positions, labels.codes, params=params)",
            "domains = painting.labels  # for each spot, an index into labels.names",
        ]
    return imports, lines


def _reconstructing(deed: Reconstruct) -> tuple[dict[str, set[str]], list[str]]:
    imports = {"napari_stimg": {"reconstruct"}, "napari_stimg.io": {"mask_from_key"}}
    lines = [f"hidden = mask_from_key(slide, {deed.mask_key!r})  # True = hidden from the model"]
    genes = ""
    if deed.n_genes is not None:
        imports["numpy"] = {"union1d"}
        imports["napari_stimg.expression"] = {"most_variable"}
        lines += [
            f"columns = most_variable(slide.counts[~hidden], {deed.n_genes})",
            f"columns = union1d(columns, slide.columns_of({list(deed.genes)!r}))" if deed.genes else "",
            "genes = [str(name) for name in slide.gene_names[sorted(columns)]]",
        ]
        if not deed.genes:
            del imports["numpy"]
        genes = ", genes=genes"
    lines.append(f"reconstruction = run(reconstruct(slide, hidden, checkpoint{genes}))")
    return imports, [line for line in lines if line]


def _called(params: Any) -> str:
    """Return the call that makes these parameters."""
    given = ", ".join(f"{field.name}={getattr(params, field.name)!r}" for field in fields(params))
    return f"{type(params).__name__}({given})"
