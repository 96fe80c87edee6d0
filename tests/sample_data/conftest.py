"""A server on this machine, and generated files that it offers as if they were public sections."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import anndata as ad
import h5py
import numpy as np
import pytest
from PIL import Image

from sample_data.catalogue import LayerMap, MatrixContent, PublicSection, RemoteFile
from sample_data.parameters import TissueParameters
from sample_data.simulate import simulate

PUBLIC = "https://example.org"


@dataclass
class Server:
    """A running server: what it offers by path, where it stops half way, and what it was asked for."""

    url: str = ""
    offers: dict[str, bytes] = field(default_factory=dict)
    breaks_off_at: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if self.path not in state.offers:
                self.send_error(404)
                return
            body = state.offers[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path in state.breaks_off_at else body)

        def log_message(self, *_: object) -> None:
            """Say nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@dataclass(frozen=True, kw_only=True)
class Published:
    """A generated section, the files it would be published as, and how to fetch them."""

    truth: ad.AnnData
    section: PublicSection
    offers: dict[str, bytes]


def _remote(path: str, body: bytes, *, saved_as: str) -> RemoteFile:
    return RemoteFile(address=f"{PUBLIC}{path}", saved_as=saved_as, sha256=hashlib.sha256(body).hexdigest())


@pytest.fixture(scope="session")
def legacy_st() -> Published:
    """Return a section as her2st is published: counts, selection and labels."""
    truth = simulate(TissueParameters(lattice="square", n_rows=9, n_cols=11, n_genes=23, n_holes=0))
    row, col = (truth.obs[f"array_{axis}"].to_numpy() for axis in ("row", "col"))
    names = [f"{x}x{y}" for x, y in zip(col, row, strict=True)]
    counts = truth.to_df().astype(int).set_axis(names).to_csv(sep="\t").encode()
    selection = "x\ty\tpixel_x\tpixel_y\tselected\n" + "".join(
        f"{x}\t{y}\t{300 * x + 7}\t{300 * y + 5}\t1\n" for x, y in zip(col, row, strict=True)
    )
    labels = "Row.names\tx\ty\tlabel\n" + "".join(
        f"{name}\t{x}.01\t{y}.02\t{layer}\n"
        for name, x, y, layer in zip(names, col, row, truth.obs["layer"], strict=True)
    )
    bodies = {"Q1.tsv.gz": gzip.compress(counts), "Q1_selection.tsv": selection.encode()}
    bodies["Q1_labeled_coordinates.tsv"] = labels.encode()
    files = tuple(_remote(f"/st/{name}", body, saved_as=name) for name, body in bodies.items())
    section = PublicSection(key="q1", title="Q1", citation="-", terms="-", files=files, opens="Q1.tsv.gz")
    return Published(truth=truth, section=section, offers={f"/st/{name}": body for name, body in bodies.items()})


@pytest.fixture(scope="session")
def tenx_h5() -> Callable[[ad.AnnData], bytes]:
    """Return the function that writes counts as a 10x matrix."""
    return _tenx_h5


def _tenx_h5(counts: ad.AnnData) -> bytes:
    """Return a 10x matrix (.h5) of these counts, named by ``obs_names`` and ``var_names``."""
    memory = BytesIO()
    csr = counts.X.tocsr().astype(np.int32)
    with h5py.File(memory, "w") as file:
        matrix = file.create_group("matrix")
        matrix["barcodes"] = counts.obs_names.to_numpy().astype("S")
        matrix["data"], matrix["indices"], matrix["indptr"] = csr.data, csr.indices, csr.indptr
        matrix["shape"] = np.array([counts.n_vars, counts.n_obs], dtype=np.int32)
        matrix["features/id"] = np.array([f"ENSG{k:011d}" for k in range(counts.n_vars)], dtype="S")
        matrix["features/name"] = counts.var_names.to_numpy().astype("S")
        matrix["features/feature_type"] = np.array(["Gene Expression"] * counts.n_vars, dtype="S")
        matrix["features/genome"] = np.array(["GRCh38"] * counts.n_vars, dtype="S")
    return memory.getvalue()


@pytest.fixture(scope="session")
def visium() -> Published:
    """Return a section as DLPFC 151673 is published: a matrix without checksum, positions, picture, layer map."""
    truth = simulate(TissueParameters(n_rows=12, n_cols=10, n_genes=29, n_holes=0))
    truth.obs_names = [f"{'ACGT'[k % 4]}{k:015d}-1" for k in range(truth.n_obs)]
    places = np.rint(truth.obsm["spatial"]).astype(int)
    on_tissue = [
        f"{barcode},1,{row},{col},{y},{x}\n"
        for barcode, row, col, (x, y) in zip(
            truth.obs_names, truth.obs["array_row"], truth.obs["array_col"], places, strict=True
        )
    ]
    positions = "".join([*on_tissue, "OFF-1,0,0,77,9999,9999\n"]).encode()
    layers = "".join(f"{barcode}\t9\t{layer}\n" for barcode, layer in truth.obs["layer"].items())
    layers += "".join(f"{barcode}\t8\tL1\n" for barcode in truth.obs_names)
    picture = BytesIO()
    Image.fromarray(np.full((31, 27, 3), 200, dtype=np.uint8)).save(picture, "png")
    offers = {
        "/v/positions.txt": positions,
        "/v/picture.png": picture.getvalue(),
        "/v/layers.tsv": layers.encode(),
        "/v/matrix.h5": _tenx_h5(truth),
    }
    files = (
        _remote("/v/positions.txt", positions, saved_as="spatial/tissue_positions_list.csv"),
        _remote("/v/picture.png", picture.getvalue(), saved_as="spatial/tissue_lowres_image.png"),
        _remote("/v/layers.tsv", layers.encode(), saved_as="layers.tsv"),
        RemoteFile(address=f"{PUBLIC}/v/matrix.h5", saved_as="filtered_feature_bc_matrix.h5", sha256=None),
    )
    section = PublicSection(
        key="visium_9",
        title="Visium 9",
        citation="-",
        terms="-",
        files=files,
        written=(("spatial/scalefactors_json.json", '{"tissue_lowres_scalef": 0.025}'),),
        content=MatrixContent(
            matrix="filtered_feature_bc_matrix.h5", positions="spatial/tissue_positions_list.csv", n_genes=29
        ),
        layers=LayerMap(table="layers.tsv", section="9"),
    )
    return Published(truth=truth, section=section, offers=offers)
