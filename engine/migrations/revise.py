"""Writes a migration from the difference between the tables and the last migration; `tools/migration` runs it."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from engine.core import db

HERE = Path(__file__).parent


def config(url: str) -> Config:
    """Alembic's configuration for the database at `url`; the caller disposes of `attributes["engine"]`."""
    made = Config()
    made.set_main_option("script_location", str(HERE))
    made.attributes["engine"] = db.connect(url)
    return made


def revise(message: str) -> Path:
    """The new migration's file, numbered after the last one."""
    with tempfile.TemporaryDirectory() as folder:
        made = config(f"sqlite:///{folder}/throwaway.sqlite3")
        try:
            command.upgrade(made, "head")
            last = ScriptDirectory.from_config(made).get_current_head()
            number = f"{int(last or 0) + 1:04}"
            command.revision(made, message, autogenerate=True, rev_id=number)
        finally:
            made.attributes["engine"].dispose()
    (path,) = HERE.glob(f"versions/{number}_*.py")
    text = re.sub(r"^ *# #+ .* ###\n", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(text)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: tools/migration "What changes"')
    print(revise(sys.argv[1]))
