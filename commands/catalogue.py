"""`./parvis deploy`, `versions`, `publish` and `withdraw`: the procedures that residents are offered."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from commands import CommandFailed, installation, table
from commands.wording import nearest

if TYPE_CHECKING:
    from engine.core.db import Database, Session
    from engine.procedures.catalogue import Procedure, SourceSet, Version


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of the catalogue."""
    deploy = subparsers.add_parser("deploy", help="check procedures, keep them as versions and publish them")
    deploy.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE.bpmn",
        help="else all those of processes/ that changed, or were never offered",
    )
    deploy.add_argument("--no-publish", action="store_true", help="keep the version without offering it yet")
    installation.add_options(deploy)
    deploy.set_defaults(run=run_deploy)

    versions = subparsers.add_parser("versions", help="list the versions of procedures")
    versions.add_argument("slug", nargs="?")
    installation.add_options(versions)
    versions.set_defaults(run=run_versions)

    publish = subparsers.add_parser("publish", help="offer a version to new requests: forwards or back")
    publish.add_argument("slug")
    publish.add_argument("version", type=int)
    installation.add_options(publish)
    publish.set_defaults(run=run_publish)

    withdraw = subparsers.add_parser("withdraw", help="take a procedure out of the catalogue; its requests go on")
    withdraw.add_argument("slug")
    installation.add_options(withdraw)
    withdraw.set_defaults(run=run_withdraw)


def run_deploy(options: argparse.Namespace) -> int:
    """Deploy every procedure without a problem, print the problems of the others."""
    from engine.core.errors import DefinitionError

    if missing := [str(path) for path in options.files if not path.is_file()]:
        raise CommandFailed(f"no such file: {', '.join(missing)}")
    refused = 0
    deployed: list[Version] = []
    with installation.database(options) as database:
        for sources in sources_of(options.files):
            try:
                version, became = database.run(
                    _deploy, sources, publish=not options.no_publish, named=bool(options.files)
                )
            except DefinitionError as error:
                refused += 1
                print(error)
            else:
                print(f"{version.slug}: version {version.number}{became}")
                deployed.append(version)
        _warn_of_empty_groups(database, deployed)
    if refused:
        raise CommandFailed(f"{refused} not deployed: see the problems above")
    return 0


def _warn_of_empty_groups(database: Database, versions: list[Version]) -> None:
    """A lane misspelt is a new group where tasks wait for nobody: only who deploys can tell it from a group to come."""
    from engine.people import groups
    from engine.procedures import catalogue

    with database.reading() as session:
        lanes = {name for version in versions for name in catalogue.definition(session, version.id).groups}
        empty = groups.without_agents(session, lanes)
        # Publishing opens the groups of the lanes: those of a version that isn't offered may not be there yet.
        closed = groups.unknown(session, empty)
    for name in empty:
        print(
            f"parvis: warning: no agent is in the group «{name}»: check the spelling of the lane, or add agents with "
            f"./parvis account add --agent --group {shlex.quote(name)}{' --new-group' * (name in closed)} …; "
            "./parvis account groups puts those who have an account in it",
            file=sys.stderr,
        )


def run_versions(options: argparse.Namespace) -> int:
    """List versions, the newest first within each procedure."""
    from engine.procedures import catalogue

    with installation.database(options) as database, database.reading() as session:
        found = catalogue.versions(session, options.slug)
        if options.slug and not found:
            near = nearest(options.slug, {version.slug for version, _ in catalogue.versions(session)})
            raise CommandFailed(f"there is no procedure {options.slug}" + (f": did you mean {near}?" if near else ""))
        rows = [
            (version.slug, version.number, version.deployed_at, version.content_hash[:12], "published" if on else "")
            for version, on in found
        ]
    table.show(("PROCEDURE", "VERSION", "DEPLOYED (UTC)", "CONTENT", ""), rows, empty="no procedure is deployed")
    return 0


def _deploy(session: Session, sources: SourceSet, *, publish: bool, named: bool) -> tuple[Version, str]:
    """The version of these files, and what became of it where that isn't plain: the audit tells only of what changed.

    What was withdrawn or taken back, and hasn't changed since, is offered again only to who names its file.
    """
    from engine.core import audit
    from engine.procedures import catalogue, publications

    known = next(
        (one for one, _ in catalogue.versions(session, sources.slug) if one.content_hash == sources.content_hash), None
    )
    before = session.get(catalogue.Procedure, sources.slug)
    offered = before.version_id if before is not None else None
    if known is not None and not named and _put_away(before, known):
        again = f"./parvis publish {known.slug} {known.number} offers it"
        return known, f", unchanged and {'not offered' if offered else 'withdrawn'}: {again}"
    version = catalogue.deploy(session, sources, publish=publish)
    if known is None:
        publications.record(session, publications.DEPLOYED, version.slug, version.number, who=audit.OPERATOR)
    elif publish and offered != version.id:
        publications.record(session, publications.PUBLISHED, version.slug, version.number, who=audit.OPERATOR)
        return version, ", unchanged, is published"
    return version, ", unchanged" if known is not None else ""


def _put_away(procedure: Procedure | None, version: Version) -> bool:
    """Whether somebody decided, after this version came, that it isn't the one to offer."""
    if procedure is None or procedure.version_id == version.id:
        return False
    return procedure.published_at is None or procedure.published_at >= version.deployed_at


def run_publish(options: argparse.Namespace) -> int:
    """Move the pointer of a procedure to one of its versions."""
    from engine.core import audit
    from engine.procedures import publications

    with installation.database(options) as database:
        version = database.run(publications.publish, options.slug, options.version, who=audit.OPERATOR)
        print(f"{version.slug}: version {version.number} is published")
    return 0


def run_withdraw(options: argparse.Namespace) -> int:
    """Take a procedure out of the catalogue."""
    from engine.core import audit
    from engine.procedures import publications

    with installation.database(options) as database:
        database.run(publications.withdraw, options.slug, who=audit.OPERATOR)
    print(f"{options.slug} is no longer offered")
    return 0


def sources_of(files: list[Path]) -> list[SourceSet]:
    """The procedures of the files given, each with the forms beside its folder; those of this house by default."""
    from engine.procedures import catalogue

    if not files:
        return catalogue.read_folder(installation.ROOT)
    by_root: dict[Path, list[Path]] = {}
    for path in files:
        by_root.setdefault(path.resolve().parent.parent, []).append(path.resolve())
    return [sources for root, paths in by_root.items() for sources in catalogue.read_folder(root, paths)]
