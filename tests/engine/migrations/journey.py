"""A resident and an agent on the code of one release, run by `test_releases.py` as a program of its own.

`python journey.py TREE TOKEN [REFERENCE]`, the installation in the environment: the code of the folder TREE works on the request
REFERENCE as the agent whose sign-in token is TOKEN, files a request of its own and does the jobs. The last line says, as
JSON, the new request's reference and the columns that this code knows of.

It uses the addresses that people see and next to nothing else, so that it runs on any release.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

TREE, TOKEN = sys.argv[1:3]
sys.path.insert(0, TREE)

from engine.core import config, jobs  # noqa: E402
from engine.core.db import Base  # noqa: E402
from engine.handlers import HANDLERS  # noqa: E402
from engine.migrations import tables  # noqa: E402, F401
from engine.procedures import catalogue  # noqa: E402
from portal.app import create_app  # noqa: E402

INFORMATION = {"prenoms": "Nadia", "nom_naissance": "Petit", "courriel": "nadia.petit@exemple.fr"}
ERRORS = r'class="govuk-error-message"[^>]*>([^<]+)'
REPORT = {
    "nature": "depot",
    "lieu.voie": "3 rue du Four",
    "lieu.code_postal": "75099",
    "lieu.commune": "Valmont-sur-Seine",
    "description": "Un matelas sur le trottoir.",
    "danger": "false",
}


class Browser:
    """Somebody's browser: keeps cookies, sends the form's token along."""

    def __init__(self, app: Any) -> None:
        self.client = app.test_client()
        self.token = ""

    def get(self, path: str) -> str:
        answer = self.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code}"
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        self.token = found[1] if found else self.token
        return str(answer.text)

    def post(self, path: str, fields: dict[str, str] | None = None) -> str:
        answer = self.client.post(path, data={**(fields or {}), "csrf_token": self.token})
        assert answer.status_code == 303, f"POST {path}: {answer.status_code} {re.findall(ERRORS, answer.text)}"
        return str(answer.location)


def file(browser: Browser) -> str:
    """Report a nuisance; the request's reference."""
    browser.get("/demarches/signalement")
    step = browser.post("/demarches/signalement")
    reference = step.split("/")[2]
    for answers in (INFORMATION, REPORT, {"certification": "true"}):
        browser.get(step)
        step = browser.post(step, answers)
    assert step.endswith("/confirmation"), step
    return reference


def treat(browser: Browser, reference: str) -> None:
    """Take the request's task from the queue and complete it."""
    queue = browser.get("/agents/corbeilles")
    found = re.search(rf'href="(/agents/taches/[^"?]+)[^"]*">{reference}<', queue)
    assert found, f"{reference} is in no queue"
    browser.get(found[1])
    browser.post(f"{found[1]}/prise-en-charge")
    browser.get(found[1])
    browser.post(found[1], {"suite": "intervenir", "equipe": "proprete"})


def main() -> None:
    loaded = config.load()
    app = create_app(loaded)
    database = app.extensions["database"]
    [sources] = [one for one in catalogue.read_folder(Path(TREE)) if one.slug == "signalement"]
    database.run(catalogue.deploy, sources)
    agent = Browser(app)
    agent.client.set_cookie("parvis_connexion", TOKEN)
    for reference in sys.argv[3:]:
        treat(agent, reference)
    filed = file(Browser(app))
    done = jobs.drain(database, HANDLERS)
    columns = {
        table.name: {column.name: bool(column.nullable) for column in table.columns}
        for table in Base.metadata.tables.values()
    }
    database.close()
    print(json.dumps({"tree": str(Path(config.__file__).parents[2]), "filed": filed, "jobs": done, "columns": columns}))


main()
