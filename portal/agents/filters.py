"""What an agent chose to see of their queues: kept in the address, so that it can be kept, shared, and come back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.procedures.tasks import LAST_PAGE, Sort

SORTS: dict[str, Sort] = {"echeance": "due", "depot": "filed", "usager": "applicant", "demarche": "procedure"}
"""The orders by the names that addresses give them; the first is the usual one."""

WORDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """A choice of tasks and their order."""

    group: str = ""
    words: str = ""
    mine: bool = False
    late: bool = False
    sort: str = "echeance"
    down: bool = False
    page: int = 1

    @property
    def narrowed(self) -> bool:
        """Whether something more than a group was chosen."""
        return bool(self.words or self.mine or self.late)

    def query(self, **changes: Any) -> dict[str, Any]:
        """The parameters of the address of this choice, with `changes`; any change but of page leads to the first page."""
        if "page" not in changes:
            changes["page"] = 1
        wanted = replace(self, **changes)
        found = {
            "corbeille": wanted.group,
            "q": wanted.words,
            "miennes": "1" if wanted.mine else "",
            "retard": "1" if wanted.late else "",
            "tri": wanted.sort if wanted.sort != "echeance" else "",
            "sens": "decroissant" if wanted.down else "",
            "page": str(wanted.page) if wanted.page > 1 else "",
        }
        return {name: value for name, value in found.items() if value}

    @property
    def here(self) -> dict[str, Any]:
        """The parameters of this very choice, page included."""
        return self.query(page=self.page)


def read(arguments: Mapping[str, str]) -> Filters:
    """The choice that an address makes; what means nothing is left out."""
    sort = arguments.get("tri", "")
    page = arguments.get("page", "")
    return Filters(
        group=arguments.get("corbeille", "").strip()[:WORDS_MAX],
        words=" ".join(arguments.get("q", "").split())[:WORDS_MAX],
        mine=arguments.get("miennes") == "1",
        late=arguments.get("retard") == "1",
        sort=sort if sort in SORTS else "echeance",
        down=arguments.get("sens") == "decroissant",
        page=min(int(page), LAST_PAGE) if page.isascii() and page.isdigit() and 0 < len(page) < 6 and int(page) else 1,
    )
