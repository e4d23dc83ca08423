"""The portal as `./parvis up` serves it, in a real Chromium. `visit` opens a page and holds it to what every page promises."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = os.environ.get("PARVIS_TEST_CHROMIUM") or shutil.which("chromium")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Chromium speaks to its maker at every start unless told not to; as root it needs to be told that there is no sandbox.
ARGUMENTS = (
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--disable-gpu",
    "--disable-quic", "--disable-sync", "--no-first-run", "--no-sandbox",
)  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM or not AXE.exists():
                item.add_marker(pytest.mark.skip("needs chromium and node_modules: ./parvis test brings them"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(ARGUMENTS)}


@pytest.fixture(scope="session")
def portal_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where the portal of `portal_url` keeps everything."""
    return tmp_path_factory.mktemp("portal") / "var"


@pytest.fixture(scope="session")
def portal_url(portal_data: Path) -> Iterator[str]:
    """The address of a portal with the demo's people, for the whole run."""
    with serving(portal_data) as url:
        yield url


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[str]:
    """The address of a portal of one's own, with these settings beside the usual ones, for as long as the block."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PARVIS_")}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "commands", "up", "--port", "0", "--data", str(data)],
        env={**own, **settings, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        said = ""
        while "Parvis is ready: " not in said and (line := process.stdout.readline()):
            said += line
        assert "Parvis is ready: " in said, said
        yield said.partition("Parvis is ready: ")[2].strip().removesuffix("/demarches")
        process.terminate()
        rest = process.stdout.read()
        assert process.wait(20) == 0
        assert "Traceback" not in rest, rest


@pytest.fixture
def someone(browser: Browser, portal_url: str) -> Iterator[Callable[..., Page]]:
    """`someone()` is a new visitor with a browser of their own; keywords go to the browser (`java_script_enabled`, …).

    At the end no page may have met an error of its scripts or of the content security policy.
    """
    yield from arriving(browser, portal_url)


def arriving(browser: Browser, url: str) -> Iterator[Callable[..., Page]]:
    """Visitors of the portal at `url`, as `someone` promises."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def arrive(**options: Any) -> Page:
        context = browser.new_context(base_url=url, locale="fr-FR", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        return page

    yield arrive
    for context in contexts:
        context.close()
    # A refused form is an answer, and Chromium writes every answer that isn't a success in its console.
    assert [text for text in complaints if "the server responded with a status of 4" not in text] == []


@pytest.fixture
def holds() -> Callable[[Page], None]:
    """`holds(page)` fails when the page on show breaks an accessibility rule or scrolls sideways at 320 pixels."""

    def check(page: Page) -> None:
        if not page.evaluate("typeof axe === 'object'"):
            page.evaluate(AXE.read_text())
        found = page.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})"
            ".then(r => r.violations.map(v => [v.id, v.help, v.nodes.map(n => n.html)]))",
            RULES,
        )
        assert found == [], f"{page.url}\n{json.dumps(found, indent=1, ensure_ascii=False)}"
        size = page.viewport_size
        page.set_viewport_size({"width": 320, "height": 640})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if size is not None:
            page.set_viewport_size(size)
        assert wide <= 320, f"{page.url} is {wide} pixels wide"

    return check
