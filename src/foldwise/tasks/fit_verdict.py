"""How well networks are fitted, in a word, whatever it is told from."""

from typing import Literal

FitVerdict = Literal["overfitting", "underfitting", "fine", "unknown"]
