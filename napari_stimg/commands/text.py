"""Tables as plain text."""

from collections.abc import Sequence


def table_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text in columns that are as wide as they must be, the first to the left, the others to the right.

    Parameters
    ----------
    header : K of str
        Names of the columns.
    rows : rows of K str
        What is in them.
    """
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in (header, *rows)
    )
