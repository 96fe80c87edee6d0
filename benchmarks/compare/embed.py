"""Environments and embeddings of other people's methods, one after another.

``FOLDER/ENVIRONMENT`` is a virtual environment, ``FOLDER/embeddings/METHOD/SECTION.npy`` an embedding,
``FOLDER/logs`` what pip and the methods said, and ``FOLDER/failures.json`` why an embedding is missing. What is there
already is not made again.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare.methods import METHODS, Method
from napari_stimg.io import read_slide
from napari_stimg.whole_files import write_text
from trainer.evaluation.expert_labels import expert_labels

REPOSITORY = Path(__file__).parents[2]
REQUIREMENTS = REPOSITORY / "benchmarks" / "peers" / "requirements"

Failures = dict[str, dict[str, str]]
"""By method and section, why an embedding is missing."""


def embed_all(sections: Sequence[Path], peers: Path, *, python: str, methods: Sequence[Method] = METHODS) -> Failures:
    """Make the embeddings that are missing, and return why some are missing still.

    Parameters
    ----------
    sections : sequence of Path
        ``.h5ad`` files.
    peers : Path
        The folder, absolute.
    python : str
        The interpreter that environments are made of.
    methods : sequence of Method
        Which.
    """
    (peers / "logs").mkdir(parents=True, exist_ok=True)
    failures: Failures = {}
    for method in methods:
        missing = [path for path in sections if not embedding_of(peers, method, path).is_file()]
        if not missing:
            continue
        reason = make_environment(peers, method.environment, python=python)
        for path in missing:
            failure = reason or embed(peers, method, path.absolute())
            if failure is not None:
                failures.setdefault(method.name, {})[path.stem] = failure
                print(f"{method.name}, {path.stem}: {failure}")
    return failures


def write_failures(peers: Path, failures: Failures) -> None:
    """Write down why embeddings are missing."""
    write_text(peers / "failures.json", json.dumps(failures, indent=1) + "\n")


def embedding_of(peers: Path, method: Method, section: Path) -> Path:
    """Return where the embedding of a section lies, or will lie."""
    return peers / "embeddings" / method.name / f"{section.stem}.npy"


def make_environment(peers: Path, name: str, *, python: str) -> str | None:
    """Make an environment, unless it is there with the same requirements, and return why that failed, else None.

    Parameters
    ----------
    peers : Path
        The folder.
    name : str
        Of the environment and its requirements.
    python : str
        The interpreter.
    """
    folder = peers / name
    wanted = requirements_of(name)
    stamp = folder / "installed.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return None
    if shutil.which(python) is None:
        return f"no {python} here to make an environment of"
    print(f"{name}: installing into {folder}; this takes minutes.")
    log = peers / "logs" / f"{name}-install.log"
    pip = [str(folder / "bin" / "pip"), "install", "--disable-pip-version-check", "-r", f"{REQUIREMENTS / name}.txt"]
    for command in ([python, "-m", "venv", "--clear", str(folder)], pip):
        said = run(command, log)
        if said is not None:
            return f"does not install: {said}"
    stamp.write_text(wanted, encoding="utf-8")
    return None


def requirements_of(name: str) -> str:
    """Return all that is asked of an environment, as text."""
    return "".join((REQUIREMENTS / file).read_text(encoding="utf-8") for file in ("common.txt", f"{name}.txt"))


def embed(peers: Path, method: Method, section: Path) -> str | None:
    """Embed a section in the method's own environment, and return why that failed, None if it did not.

    Parameters
    ----------
    peers : Path
        The folder.
    method : Method
        Which.
    section : Path
        The file, absolute.
    """
    command = [str(peers / method.environment / "bin" / "python"), "-m", "benchmarks.peers", method.name, str(section)]
    command += ["-o", str(peers / "embeddings"), "--seed", "0"]
    labels = expert_labels(read_slide(section)) if method.is_told_n_domains else None
    if labels is not None:
        command += ["--n-domains", str(len(labels.names))]
    print(f"{method.name}: embedding {section.stem}")
    return run(command, peers / "logs" / f"{method.name}-{section.stem}.log")


def run(command: Sequence[str], log: Path) -> str | None:
    """Run a command, one thread, in the repository's root; return why it failed, None if it did not.

    Parameters
    ----------
    command : sequence of str
        The command.
    log : Path
        Where all that it says is written.
    """
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with log.open("w", encoding="utf-8") as file:
        code = subprocess.run(command, cwd=REPOSITORY, env=env, stdout=file, stderr=subprocess.STDOUT).returncode
    return None if code == 0 else why(code, log.read_text(encoding="utf-8", errors="replace"))


def why(code: int, said: str) -> str:
    """Return why a command failed: the signal that ended it, pip's last error, or the last line it said."""
    if code < 0:
        return f"ended by signal {-code}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return [f"exit code {code}", *lines, *errors][-1]
