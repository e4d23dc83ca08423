"""Words as people search them: without accents, case or plurals."""

from __future__ import annotations

import re
import unicodedata

# Words too common to tell anything.
_EMPTY = frozenset(
    "a au aux avec ce ces cette dans de des du en et il je la le les leur ma mes mon ne nos notre ou par pas "
    "pour que qui sa se ses son sur un une vos votre vous".split()
)


def plain(text: str) -> str:
    """`text` without accents or case, ligatures opened."""
    opened = text.casefold().replace("œ", "oe").replace("æ", "ae")
    return "".join(sign for sign in unicodedata.normalize("NFKD", opened) if not unicodedata.combining(sign))


def stems(text: str) -> list[str]:
    """The telling words of `text`, each without accents nor the mark of the plural."""
    return [stem(word) for word in re.findall(r"[a-z0-9]+", plain(text)) if word not in _EMPTY and len(word) > 1]


def stem(word: str) -> str:
    """A word without its plural: `travaux` and `travail` meet, as do `pièces` and `piece`."""
    if len(word) > 4 and word.endswith("eaux"):
        return word[:-1]
    if len(word) > 4 and word.endswith("aux"):
        return word[:-3] + "al"
    if len(word) > 4 and word.endswith("ail"):
        return word[:-3] + "al"
    if len(word) > 3 and word[-1] in "sx":
        return word[:-1]
    return word
