"""A comparison as a page of Markdown, with pictures."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.compare.pictures import dot_figure, gain_figure, shrink
from benchmarks.compare.provenance import TEST, Comparison, listing, missing, seen, versions
from benchmarks.compare.scores import (
    ARI_REFINED,
    ARI_VOTE,
    COSTS,
    COVERAGE,
    CPU_SECONDS,
    DOMAINS,
    GAIN,
    HOLES,
    LABELS,
    MSE,
    PAINTED,
    PEAK_MB,
    SECONDS,
    SHARE,
    Measure,
    domain_scores,
    hole_scores,
)
from benchmarks.compare.tables import as_markdown, column_of, overview, ranked, table
from benchmarks.compare.texts import (
    ABOUT,
    ABOUT_CEILINGS,
    ABOUT_COSTS,
    ABOUT_DOMAINS,
    ABOUT_HOLES,
    ABOUT_LABELS,
    ABOUT_PEERS,
    ABOUT_STUDIES,
    ABOUT_VERDICTS,
    ABOUT_VOTES,
)
from benchmarks.compare.verdicts import against, listed, lower_errors, place, verdicts
from benchmarks.row import machine
from napari_stimg.whole_files import write_text
from trainer.evaluation.features import MODEL
from trainer.evaluation.groups import study_of
from trainer.evaluation.pictures import file_name, write_figure
from trainer.evaluation.report import pictures_folder


def write_page(comparison: Comparison, report: Path, output: Path) -> None:
    """Write the page, and its pictures in a folder beside it.

    Parameters
    ----------
    comparison : Comparison
        What the page is about.
    report : Path
        The evaluation's, without an ending.
    output : Path
        The page, ``.md``.
    """
    scores, holes = domain_scores(comparison.report, comparison.facts), hole_scores(comparison.report)
    folder = output.with_suffix("")
    pictures = [*draw(scores, holes, folder), *copy_maps(comparison, report, folder)]
    for old in set(folder.glob("*.png")) - set(pictures):  # of sections that an older page was about
        old.unlink()
    write_text(output, page(comparison, scores, holes, pictures=pictures))


def draw(scores: pd.DataFrame, holes: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw figures of what was scored, and return their files."""
    figures: dict[str, Figure] = {
        f"{name}.png": dot_figure(scores, measure)
        for name, measure in (("domains", ARI_REFINED), ("labels", PAINTED))
        if has(scores, measure)
    }
    if has(holes, GAIN):
        figures["holes.png"] = gain_figure(holes)
    for name, figure in figures.items():
        write_figure(figure, folder / name)
        shrink(folder / name, folder / name)
    return [folder / name for name in figures]


def copy_maps(comparison: Comparison, report: Path, folder: Path) -> list[Path]:
    """Copy the report's maps of domains, smaller, and return their files."""
    found = []
    for section in comparison.sections:
        name = file_name(section, "domains")
        source = pictures_folder(report) / name
        if source.is_file():
            shrink(source, folder / name)
            found.append(folder / name)
    return found


def page(comparison: Comparison, scores: pd.DataFrame, holes: pd.DataFrame, *, pictures: Sequence[Path]) -> str:
    """Return the page as Markdown; parts that were not evaluated are left out.

    Parameters
    ----------
    comparison : Comparison
        Sections, versions, what is missing.
    scores, holes : DataFrame
        Of ``domain_scores`` and ``hole_scores``.
    pictures : sequence of Path
        In a folder beside the page.
    """
    shown = {picture.stem: f"![{picture.stem}]({picture.parent.name}/{picture.name})" for picture in pictures}
    parts = ["# All methods on the same sections", ABOUT, *_about(comparison)]
    if has(scores, ARI_REFINED):
        parts += _ranking("Domains without labels", ABOUT_DOMAINS, scores, ARI_REFINED, comparison)
        parts.append(shown.pop("domains", ""))
    if has(scores, ARI_VOTE):
        parts += _ranking("Domains by a vote", ABOUT_VOTES, scores, ARI_VOTE, comparison)
    if has(scores, PAINTED):
        parts += _ranking("Domains from scribbles", ABOUT_LABELS, scores, PAINTED, comparison)
        parts.append(shown.pop("labels", ""))
    if has(holes, MSE):
        parts += [*_holes(comparison, holes), shown.pop("holes", "")]
    parts += [*_costs(comparison, scores), *_studies(comparison, scores, holes)]
    if shown:
        parts += ["## Maps", "Refined domains of the first seed, with their adjusted Rand indices.", *shown.values()]
    parts += _origin(comparison)
    return "\n\n".join(part for part in parts if part) + "\n"


def has(scores: pd.DataFrame, measure: Measure) -> bool:
    """Return whether anything was measured so."""
    return bool((scores["measure"] == measure.name).any())


def _about(comparison: Comparison) -> list[str]:
    columns = ("n_spots", "n_genes", "n_scored_genes", "n_labels", "lattice")
    lines = ["| section | spots | genes | genes scored | labels | lattice |", "|---|--:|--:|--:|--:|---|"]
    for section in comparison.report["sections"]:
        cells = [f"{value:,}" if isinstance(value, int) else value for value in (section[key] for key in columns)]
        lines.append(f"| {section['name']} | {' | '.join(cells)} |")
    return ["## Which sections", "\n".join(lines), listed(seen(comparison)), ABOUT_PEERS, ABOUT_VERDICTS]


def _ranking(title: str, about: str, scores: pd.DataFrame, measure: Measure, comparison: Comparison) -> list[str]:
    """Return a part on one measure: who leads, all sections, and the model against each other method."""
    return [
        f"## {title}",
        about.format(**comparison.report["parameters"]),
        place(scores, measure),
        overview(scores, measure),
        against(verdicts(scores, measure)),
    ]


def _holes(comparison: Comparison, holes: pd.DataFrame) -> list[str]:
    gains = holes[holes["measure"] == GAIN.name]
    ways = dict.fromkeys(gains["hidden"])
    cells = {way: column_of(gains[gains["hidden"] == way], GAIN) for way in ways}
    coverage = holes.loc[holes["measure"] == COVERAGE.name, "value"]
    said = [
        "## Hidden spots",
        ABOUT_HOLES.format(**comparison.report["parameters"]),
        as_markdown(ranked(gains, GAIN), cells),
        f"In how many of all sections and ways of hiding the squared error of {MODEL} is lower:",
        lower_errors(holes),
    ]
    if coverage.size:
        said.append(
            f"Its 90 % intervals hold {100 * coverage.min():.0f} to {100 * coverage.max():.0f} % of what is expected, "
            f"{100 * coverage.median():.0f} % in the median of sections and ways of hiding."
        )
    return [*said, *_ceilings(comparison, holes)]


def _ceilings(comparison: Comparison, holes: pd.DataFrame) -> list[str]:
    """Return how much there is to explain on each section, beside what the model explains of it."""
    shares = holes[(holes["measure"] == SHARE.name) & (holes["method"] == MODEL)].groupby("section")["value"]
    columns = ("of_variance", "by_depth", "shared")
    lines = [
        "| section | explainable, of all variance | of it: by the spot's own counts | of it: shared with neighbours "
        f"| of it: explained by {MODEL} |",
        "|---|--:|--:|--:|--:|",
    ]
    for section in comparison.report["sections"]:
        if section.get("shared") is not None and section["name"] in shares.groups:
            explained = shares.get_group(section["name"])
            cells = [f"{section[column]:.2f}" for column in columns]
            lines.append(
                f"| {section['name']} | {' | '.join(cells)} | {explained.min():.2f} to {explained.max():.2f} |"
            )
    return ["### How much could be told at all", ABOUT_CEILINGS, "\n".join(lines)] if len(lines) > 2 else []


def _costs(comparison: Comparison, scores: pd.DataFrame) -> list[str]:
    if not has(scores, SECONDS):
        return []
    threads = listing(sorted({str(fact["omp_num_threads"]) for fact in comparison.facts})) or "-"
    return [
        "## Seconds and memory",
        ABOUT_COSTS.format(threads=threads),
        overview(scores, SECONDS),
        table(scores[scores["measure"].isin([measure.name for measure in COSTS.values()])], [CPU_SECONDS, PEAK_MB],
              order=SECONDS),
    ]  # fmt: skip


def _studies(comparison: Comparison, scores: pd.DataFrame, holes: pd.DataFrame) -> list[str]:
    parts = ["## Study by study", ABOUT_STUDIES]
    for study in dict.fromkeys(map(study_of, comparison.sections)):
        of_study = scores[scores["section"].map(study_of) == study]
        hidden = holes[holes["section"].map(study_of) == study]
        names = [name for name in comparison.sections if study_of(name) == study]
        parts.append(f"### {study} ({listing(names)})")
        if not of_study.empty:
            parts.append(table(of_study, [*DOMAINS.values(), *LABELS.values()], order=ARI_REFINED))
        if not hidden.empty:
            parts.append(table(hidden, list(HOLES.values()), order=MSE))
    return parts


def _origin(comparison: Comparison) -> list[str]:
    report, parameters = comparison.report, comparison.report["parameters"]
    absent = missing(comparison)
    chosen = "" if tuple(comparison.sections) == TEST else f" COMPARED={','.join(comparison.sections)}"
    return [
        "## How the numbers came about",
        f"```sh\nmake compare SECTIONS=FOLDER{chosen}    # FOLDER holds the sections, SECTION.h5ad\n```",
        f"napari-stimg {report['version']}, checkpoint `{report['checkpoint']['file']}` "
        f"({report['checkpoint']['sha256'][:12]}), seed {parameters['seed']}. {machine()}.",
        versions(comparison),
        *(["Missing:", listed(absent)] if absent else []),
    ]
