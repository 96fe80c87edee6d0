"""Public sections that are downloaded on demand: pinned addresses, checksums, and what must be known of each."""

from dataclasses import dataclass

HER2ST = "https://raw.githubusercontent.com/almaan/her2st/85df7411b987a7dec3feff9718b869a7a82091ec/data"
SEPAL = "https://raw.githubusercontent.com/almaan/sepal/9befea4b8960cb3cb6f09634886f3b57e8c56bcb/compare"
HUMAN_PILOT = (
    "https://raw.githubusercontent.com/LieberInstitute/HumanPilot/044446d6bd8fc154aa74f7be62ec67effb1ec376/10X"
)
LIBD_STORE = "https://spatial-dlpfc.s3.us-east-2.amazonaws.com/h5"


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file at a public address.

    Parameters
    ----------
    address : str
        Where it is.
    saved_as : str
        Where it goes in the section's folder, relative, with ``/``.
    sha256 : str or None
        Its checksum, 64 hexadecimal digits; None where none is published (see ``MatrixContent``).
    """

    address: str
    saved_as: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class MatrixContent:
    """What must be in a Space Ranger matrix that has no known checksum.

    Parameters
    ----------
    matrix, positions : str
        Paths in the section's folder: the 10x ``.h5``, and the table of positions whose checksum is known. The
        matrix must hold exactly the spots that the positions call in tissue.
    n_genes : int
        Genes it must hold.
    """

    matrix: str
    positions: str
    n_genes: int


@dataclass(frozen=True, kw_only=True)
class LayerMap:
    """Labels in a table without header: barcode, section, layer.

    Parameters
    ----------
    table : str
        Its path in the section's folder.
    section : str
        Which section's rows to take.
    """

    table: str
    section: str


@dataclass(frozen=True, kw_only=True)
class PublicSection:
    """A public section and the files it is made from.

    Parameters
    ----------
    key : str
        Its name, also that of its folder in the cache.
    title : str
        What it is.
    citation, terms : str
        Whom to cite, and on what terms it was published, as far as they were found stated.
    files : tuple of RemoteFile
        What to download.
    opens : str
        Path in the folder that ``napari_stimg.io.read_slide`` opens; ``"."`` for the folder itself.
    written : tuple of (path, text)
        Small files to write beside the downloads.
    content : MatrixContent or None
        What to verify where a checksum is missing.
    layers : LayerMap or None
        Labels that the format's reader does not know.
    """

    key: str
    title: str
    citation: str
    terms: str
    files: tuple[RemoteFile, ...]
    opens: str = "."
    written: tuple[tuple[str, str], ...] = ()
    content: MatrixContent | None = None
    layers: LayerMap | None = None


def _her2st(section: str, *, counts: str, selection: str, labels: str) -> PublicSection:
    return PublicSection(
        key=f"her2st_{section.lower()}",
        title=f"HER2-positive breast tumour, her2st {section} (legacy Spatial Transcriptomics)",
        citation="Andersson A, et al. Nat Commun 12, 6012 (2021). doi:10.1038/s41467-021-26271-2",
        terms="The repository states no licence; the authors' deposit is doi:10.5281/zenodo.4751624.",
        files=(
            RemoteFile(address=f"{HER2ST}/ST-cnts/{section}.tsv.gz", saved_as=f"{section}.tsv.gz", sha256=counts),
            RemoteFile(
                address=f"{HER2ST}/ST-spotfiles/{section}_selection.tsv",
                saved_as=f"{section}_selection.tsv",
                sha256=selection,
            ),
            RemoteFile(
                address=f"{HER2ST}/ST-pat/lbl/{section}_labeled_coordinates.tsv",
                saved_as=f"{section}_labeled_coordinates.tsv",
                sha256=labels,
            ),
        ),
        opens=f"{section}.tsv.gz",
    )


HER2ST_B1 = _her2st(
    "B1",
    counts="97b3abf2676c596ac7dd53829780005724cab62a6f676697516006481a443f74",
    selection="7ea9963677db80199db928d763b0b34ea1015fb7452e85ac7b21d42ee15c3875",
    labels="f7050caa71c47a4c95fcca2a7f29560d387310877b1c9e4a54f841059db837ee",
)

HER2ST_E1 = _her2st(
    "E1",
    counts="b2f572ea0a95d256cb172a9284e96b6d2ff236398d4934a992df85c96d11c4cc",
    selection="a979c36f6310fff965c96f05ad290ca322d88e400b5aed2a1139fdd6f0e2da92",
    labels="29db60fe5b306bb982fbd2bbdd1f9c60eedf90c6ac1d56bedd3c18ed5a369829",
)

MOUSE_OLFACTORY_BULB = PublicSection(
    key="mouse_olfactory_bulb",
    title="Mouse olfactory bulb, replicate 11 (legacy Spatial Transcriptomics)",
    citation="Stahl PL, et al. Science 353, 78-82 (2016). doi:10.1126/science.aaf2403",
    terms="Carried by almaan/sepal (MIT); the original data's terms are not stated there.",
    files=(
        RemoteFile(
            address=f"{SEPAL}/spark-raw_data/Rep11_MOB_count_matrix-1.tsv.gz",
            saved_as="Rep11_MOB.tsv.gz",
            sha256="0175746640070e759d352997a70720390d71f2a8a74bcc2d6865b80112ff48f2",
        ),
    ),
    opens="Rep11_MOB.tsv.gz",
)

DLPFC_151673 = PublicSection(
    key="dlpfc_151673",
    title="Human dorsolateral prefrontal cortex, 151673 (Visium, all 33,538 genes, H&E, manual layers)",
    citation="Maynard KR, et al. Nat Neurosci 24, 425-436 (2021). doi:10.1038/s41593-020-00787-0",
    terms="Released by LIBD for reuse (HumanPilot, spatialLIBD).",
    files=(
        RemoteFile(
            address=f"{HUMAN_PILOT}/151673/tissue_positions_list.txt",
            saved_as="spatial/tissue_positions_list.csv",
            sha256="c1ce0eafc855982bb2a9773f147ce6c5aef68dfd06600caa8a7e7a0e6f7cc5e8",
        ),
        RemoteFile(
            address=f"{HUMAN_PILOT}/151673/tissue_lowres_image.png",
            saved_as="spatial/tissue_lowres_image.png",
            sha256="2ca692ceb00b205bd2f75182935a018753b08c63fbba7e142fd154db22547fcf",
        ),
        RemoteFile(
            address=f"{HUMAN_PILOT}/barcode_level_layer_map.tsv",
            saved_as="barcode_level_layer_map.tsv",
            sha256="b5d81f0e61810bb74d8a02495eda8f84e0eb9335211dcdd03513d747036e5ca9",
        ),
        RemoteFile(
            address=f"{LIBD_STORE}/151673_filtered_feature_bc_matrix.h5",
            saved_as="filtered_feature_bc_matrix.h5",
            sha256=None,
        ),
    ),
    # HumanPilot's 10X/151673/scalefactors_json.json, which the picture needs.
    written=(
        ("spatial/scalefactors_json.json", '{"tissue_hires_scalef": 0.150015, "tissue_lowres_scalef": 0.045004502}'),
    ),
    content=MatrixContent(
        matrix="filtered_feature_bc_matrix.h5", positions="spatial/tissue_positions_list.csv", n_genes=33538
    ),
    layers=LayerMap(table="barcode_level_layer_map.tsv", section="151673"),
)

PUBLIC_SECTIONS = {section.key: section for section in (HER2ST_B1, HER2ST_E1, MOUSE_OLFACTORY_BULB, DLPFC_151673)}
"""Every public section by its key."""
