"""The portal's front-end files, built from npm packages into `portal/static/`, which git ignores."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from commands import node

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "portal" / "assets"
STATIC = ROOT / "portal" / "static"
MODULES = ROOT / "node_modules"
FORMER_KEPT = 2
FONT = MODULES / "@fontsource-variable/public-sans/files/public-sans-latin-wght-normal.woff2"


def build(*, force: bool = False) -> None:
    """Make `portal/static/` hold what the sources and the lock file say; at once when it already does."""
    wanted = _fingerprint([ROOT / "package.json", ROOT / "package-lock.json", Path(__file__), *_files(SOURCES)])
    done = STATIC / "built-from"
    if not force and done.exists() and done.read_text() == wanted:
        return
    _install_modules()
    # Built apart and then swapped in: a server that runs meanwhile never sees half of it.
    draft = STATIC.with_name("static.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    _say("Building the portal’s styles and scripts")
    _bundle(draft)
    (draft / "manifest.json").write_text(json.dumps(_name_by_content(draft), indent=1, sort_keys=True) + "\n")
    _speak(draft / "voices")
    _keep_former(draft)
    (draft / "built-from").write_text(wanted)
    _swap(draft)


def _install_modules() -> None:
    """Install the npm packages of the lock file, unless they are those already installed."""
    wanted = _fingerprint([ROOT / "package.json", ROOT / "package-lock.json"])
    done = MODULES / ".parvis-installed-from"
    if done.exists() and done.read_text() == wanted:
        return
    _say("Installing the front-end packages from npm")
    _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    done.write_text(wanted)


def _bundle(folder: Path) -> None:
    shutil.copyfile(FONT, folder / "public-sans.woff2")
    shutil.copyfile(SOURCES / "icon.svg", folder / "icon.svg")
    styles = str(SOURCES / "portal.scss"), str(folder / "portal.css")
    _run(
        MODULES / ".bin" / "sass",
        *("--no-source-map", "--style=compressed", "--quiet-deps", f"--load-path={MODULES}"),
        *styles,
    )
    bundle = ("--bundle", "--minify", "--legal-comments=none", "--log-level=warning", "--target=es2022")
    scripts = {
        "enhance.js": "portal.js",
        **{name: name for name in ("viewer.js", "account.js", "work.js", "passkeys.js")},
    }
    for source, target in scripts.items():
        _run(
            MODULES / ".bin" / "esbuild", str(SOURCES / source), *bundle, "--format=esm", f"--outfile={folder / target}"
        )
    # The diagram's own font is embedded: its page loads one file more, not five.
    fonts = [f"--loader:.{kind}={how}" for kind, how in _DIAGRAM_FONTS.items()]
    for name in ("viewer.css", "agents.css"):
        _run(MODULES / ".bin" / "esbuild", str(SOURCES / name), *bundle, *fonts, f"--outfile={folder / name}")


def _speak(folder: Path) -> None:
    """The French digits as the spoken captcha reads them (`engine/people/captcha.py`), one folder for each."""
    _run("node", str(SOURCES / "voices.cjs"), str(folder))


_DIAGRAM_FONTS = {"woff2": "dataurl", "woff": "empty", "ttf": "empty", "eot": "empty", "svg": "empty"}


def _name_by_content(folder: Path) -> dict[str, str]:
    """Put a hash of its content in each file's name, and what the styles refer to under its new name."""
    names: dict[str, str] = {}
    # Styles last: their own content changes with the names that they mention.
    for path in sorted(folder.iterdir(), key=lambda one: (one.suffix == ".css", one.name)):
        if path.suffix == ".css":
            text = path.read_text()
            for plain, hashed in names.items():
                text = text.replace(f'"{plain}"', f'"{hashed}"').replace(f"({plain})", f"({hashed})")
            path.write_text(text)
        hashed = f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:10]}{path.suffix}"
        names[path.name] = hashed
        path.rename(folder / hashed)
    return names


def _keep_former(draft: Path) -> None:
    """Keep the files of the builds before this one: pages of a server that still runs with them ask for their names."""
    if not (STATIC / "manifest.json").exists():
        return
    known = STATIC / "former.json"
    before: list[list[str]] = json.loads(known.read_text()) if known.exists() else []
    latest: dict[str, str] = json.loads((STATIC / "manifest.json").read_text())
    kept = [sorted(latest.values()), *before][:FORMER_KEPT]
    for name in {name for build in kept for name in build}:
        if (STATIC / name).exists() and not (draft / name).exists():
            shutil.copy2(STATIC / name, draft / name)
    (draft / "former.json").write_text(json.dumps(kept, indent=1) + "\n")


def _swap(draft: Path) -> None:
    old = STATIC.with_name("static.old")
    shutil.rmtree(old, ignore_errors=True)
    if STATIC.exists():
        STATIC.rename(old)
    draft.rename(STATIC)
    shutil.rmtree(old, ignore_errors=True)


def weights(folder: Path = STATIC) -> dict[str, int]:
    """The size of each built file as it travels (compressed, but for fonts), by the name that templates use."""
    names: dict[str, str] = json.loads((folder / "manifest.json").read_text())
    found = {}
    for plain, hashed in names.items():
        content = (folder / hashed).read_bytes()
        found[plain] = len(content) if hashed.endswith(".woff2") else len(gzip.compress(content, 6))
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _fingerprint(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _run(program: str | Path, *arguments: str) -> None:
    node.run(node.program(program) if isinstance(program, str) else program, *arguments, folder=ROOT)


def _say(text: str) -> None:
    print(f"• {text}…", file=sys.stderr, flush=True)
