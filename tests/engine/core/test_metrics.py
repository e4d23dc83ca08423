"""Several processes count together in one folder (G7)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COUNT = "from engine.core import metrics; metrics.count_error('job', KeyError()); metrics.job('send_mail', 'done').observe(1)"
TELL = "from engine.core import metrics; print(metrics.exposition(metrics.Gauges({})).decode())"
# A process that counts, stays, and lets another one start.
STAY = f"{COUNT}; print('ready', flush=True); input()"


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=_environment(folder), capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PARVIS_METRICS_FOLDER": str(folder)}


def test_a_process_tells_of_all_that_count_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", STAY],
        env=_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        run(COUNT, folder)  # and is gone: what it counted stays, since the total may not fall
        said = run(TELL, folder)
        first.communicate("\n")
    assert 'parvis_errors_total{error="KeyError",where="job"} 2.0' in said
    assert 'parvis_job_seconds_count{kind="send_mail",outcome="done"} 2.0' in said
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_folder_is_emptied_once_nobody_is_left(tmp_path: Path) -> None:
    run(COUNT, tmp_path / "metrics")
    run(COUNT, tmp_path / "metrics")
    assert 'parvis_errors_total{error="KeyError",where="job"}' not in run(TELL, tmp_path / "metrics")


@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_folder_that_others_could_write_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "metrics"
    if kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    else:
        (tmp_path / "other").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "other")
    assert "must belong to the account" in run(COUNT, folder)
