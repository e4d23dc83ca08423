"""`./parvis new`: a small procedure to begin with, that passes the check and the rehearsal."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape

from commands import CommandFailed, installation

TEMPLATE = Path(__file__).parent / "template"

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 60


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command that writes a new procedure."""
    new = subparsers.add_parser("new", help="write a small procedure to begin with: process, forms and scenarios")
    new.add_argument("slug", help="its name in addresses and files, such as pret-de-materiel")
    new.add_argument("--title", help="its name for people (else made from the slug)")
    new.add_argument("--group", default="Accueil", help="the agents who examine the requests (default: Accueil)")
    new.add_argument("--root", type=Path, default=installation.ROOT, help=argparse.SUPPRESS)
    new.set_defaults(run=run_new)


def run_new(options: argparse.Namespace) -> int:
    """Write the files, all or none, and say what to do next."""
    slug = options.slug
    if not _SLUG.fullmatch(slug) or len(slug) > _LONGEST:
        raise CommandFailed(
            f"{slug!r} can't be the name of a procedure: use up to {_LONGEST} lower-case letters without accents and "
            "digits, words joined by hyphens, such as pret-de-materiel",
            status=2,
        )
    title = " ".join((options.title or slug.replace("-", " ").capitalize()).split())
    group = " ".join(options.group.split())
    if not title or not group or group == "Usager":
        raise CommandFailed("the title and the group need a name, and «Usager» is the resident's lane", status=2)
    files = _files(slug, title, group, options.root)
    if taken := [path for path in files if path.exists()]:
        names = ", ".join(str(path.relative_to(options.root)) for path in taken)
        raise CommandFailed(f"{slug} exists already: {names}")
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(path.relative_to(options.root))
    print(
        f"\nOpen processes/{slug}.bpmn in any BPMN editor, then:\n"
        f"    ./parvis check processes/{slug}.bpmn\n"
        f"    ./parvis rehearse {slug}\n"
        f"    ./parvis deploy processes/{slug}.bpmn"
    )
    return 0


def _files(slug: str, title: str, group: str, root: Path) -> dict[Path, bytes]:
    """What to write where, made from the template."""
    from engine.bpmn.layout import lay_out

    quoted = {'"': "&quot;"}
    in_xml = {"slug": slug, "title": escape(title, quoted), "group": escape(group, quoted)}
    in_json = {"slug": slug, "title": json.dumps(title, ensure_ascii=False)[1:-1], "group": group}

    def filled(name: str, values: dict[str, str]) -> bytes:
        return Template((TEMPLATE / name).read_text("utf-8")).substitute(values).encode()

    return {
        root / "processes" / f"{slug}.bpmn": lay_out(filled("process.bpmn", in_xml)),
        root / "processes" / f"{slug}.scenarios.yaml": filled("scenarios.yaml", in_json),
        root / "forms" / f"{slug}.ma-demande.json": filled("ma-demande.json", in_json),
        root / "forms" / f"{slug}.instruction.json": filled("instruction.json", in_json),
    }
