"""Limits of values in a configuration, stated where the value is declared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Least and most value of a number, each included unless it is open.

    Parameters
    ----------
    least, most : float
        The bounds.
    open_least, open_most : bool
        Whether the bound itself is excluded.
    """

    least: float = float("-inf")
    most: float = float("inf")
    open_least: bool = False
    open_most: bool = False

    def hold(self, value: float) -> bool:
        """Say whether a value lies within."""
        above = value > self.least if self.open_least else value >= self.least
        return above and (value < self.most if self.open_most else value <= self.most)

    def __str__(self) -> str:
        """Return the bounds as words: ``>= 1``, ``> 0 and < 1``."""
        least = f"{'>' if self.open_least else '>='} {self.least:g}" if self.least > float("-inf") else ""
        most = f"{'<' if self.open_most else '<='} {self.most:g}" if self.most < float("inf") else ""
        return " and ".join(filter(None, (least, most)))


@dataclass(frozen=True)
class NotEmpty:
    """A text of at least one character."""

    def hold(self, value: str) -> bool:
        """Say whether a value is one."""
        return bool(value.strip())

    def __str__(self) -> str:
        """Return the bound as words."""
        return "that is not empty"
