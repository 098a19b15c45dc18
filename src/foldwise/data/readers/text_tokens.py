"""Texts to tokens: characters, words, bytes, or the letters of a biological sequence.

N: texts, T: tokens of the longest.
"""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from foldwise.data.readers.scratch_array import new_array, parts

TokenKind = Literal["characters", "words", "bytes", "dna", "rna", "protein"]

PADDING = ""

# A word with its apostrophes ("don't"), or one sign. The libraries at hand do more than numbering:
# scikit-learn's analyser drops signs and words of one letter, sub-word tokenisers are trained.
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
_NUM_CODE_POINTS = 0x110000


class UnknownLetterError(ValueError):
    """A sequence holds a letter that its alphabet has not; the message says which, and where."""


@dataclass(frozen=True)
class Alphabet:
    """The letters of a sequence; the last stands for any, as the ambiguous ones become."""

    letters: str
    ambiguous: str

    def spell(self, text: str) -> str:
        """Return a sequence in the letters of the alphabet.

        >>> ALPHABETS["dna"].spell("acgR")
        'ACGN'
        """
        sequence = text.strip().upper()
        wrong = re.search(f"[^{self.letters}{self.ambiguous}]", sequence)
        if wrong:
            raise UnknownLetterError(
                f"letter {wrong.start() + 1} is '{wrong[0]}'; allowed are {self.letters} and, "
                f"read as {self.letters[-1]}, {self.ambiguous}"
            )
        return re.sub(f"[{self.ambiguous}]", self.letters[-1], sequence)


# IUPAC-IUB codes (Cornish-Bowden, Nucleic Acids Research 13, 1985; for amino acids IUPAC-IUBMB
# Joint Commission, European Journal of Biochemistry 138, 1984, with U and O added since).
ALPHABETS = {
    "dna": Alphabet("ACGTN", "RYSWKMBDHV"),
    "rna": Alphabet("ACGUN", "RYSWKMBDHV"),
    "protein": Alphabet("ACDEFGHIKLMNPQRSTVWYX", "BZJUO"),
}


def normalise(text: str, kind: TokenKind) -> str:
    """Return a text without the differences that its tokens do not have.

    Words are lower-cased, sequences spelled in their alphabet; other texts stay as they are.

    Raises:
        UnknownLetterError: A sequence holds a letter that its alphabet has not.
    """
    if kind in ALPHABETS:
        return ALPHABETS[kind].spell(text)
    return text.lower() if kind == "words" else text


def words_of(text: str) -> list[str]:
    """Return the words and signs of a text.

    >>> words_of("don't: 2 cats")
    ["don't", ':', '2', 'cats']
    """
    return _WORD.findall(text)


@dataclass(frozen=True)
class TokenIds:
    """Texts as numbers: `x` (N, T) int32, zero after each one's length (N,), at most T."""

    x: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]
    tokens: tuple[str, ...]  # by their number; the first is the padding
    num_truncated: int


def number_tokens(
    texts: Sequence[str], kind: TokenKind, max_length: int, scratch: Path
) -> TokenIds:
    """Number the tokens of normalised texts.

    Bytes and the letters of an alphabet have fixed numbers; other tokens are numbered in the order
    of their code points, over all texts: which of them a model knows is decided on each training
    part.
    """
    if kind == "words":
        lengths, flat, tokens = _number_words(texts, max_length)
    elif kind == "bytes":
        lengths, flat, tokens = _number_bytes(texts, max_length)
    else:
        alphabet = ALPHABETS[kind].letters if kind in ALPHABETS else None
        lengths, flat, tokens = _number_characters(texts, max_length, alphabet)
    kept = np.minimum(lengths, max_length)
    x = new_array(scratch, (len(texts), int(kept.max(initial=0))), np.int32)
    start = 0
    for rows in parts(len(x), x.itemsize * x.shape[1]):
        stop = start + int(kept[rows].sum())
        x[rows][np.arange(x.shape[1]) < kept[rows, np.newaxis]] = flat[start:stop]
        start = stop
    return TokenIds(x, kept, (PADDING, *tokens), int((lengths > max_length).sum()))


# Each of these returns the lengths of the texts, the numbers of the tokens that are kept, all
# texts end to end, and the tokens of the numbers from 1 on.
_Numbered = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Sequence[str]]


def _number_words(texts: Sequence[str], max_length: int) -> _Numbered:
    found: dict[str, int] = {}
    lengths, flat = [], array("i")
    for text in texts:
        words = words_of(text)
        lengths.append(len(words))
        flat.extend([found.setdefault(word, len(found)) for word in words[:max_length]])
    words = sorted(found)
    rank = np.empty(len(found), np.int32)
    rank[[found[word] for word in words]] = np.arange(1, len(found) + 1)
    return np.array(lengths, np.int64), rank[np.frombuffer(flat, np.int32)], words


def _number_bytes(texts: Sequence[str], max_length: int) -> _Numbered:
    encoded = [text.encode() for text in texts]
    flat = np.frombuffer(b"".join(text[:max_length] for text in encoded), np.uint8)
    lengths = np.array([len(text) for text in encoded], np.int64)
    return lengths, flat.astype(np.int32) + 1, [f"0x{byte:02x}" for byte in range(256)]


def _number_characters(texts: Sequence[str], max_length: int, alphabet: str | None) -> _Numbered:
    joined = "".join(text[:max_length] for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le"), "<u4")
    number = np.zeros(_NUM_CODE_POINTS, np.int32)
    if alphabet is None:
        number[codes] = 1
        alphabet = "".join(map(chr, np.flatnonzero(number)))
    number[[ord(letter) for letter in alphabet]] = np.arange(1, len(alphabet) + 1)
    return np.array([len(text) for text in texts], np.int64), number[codes], alphabet
