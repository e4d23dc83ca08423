"""Eight residents sign in at once: what it does to the pages of the others, and what a sign-in is made of (B6).

One reader asks for the catalogue again and again, alone and while eight browsers sign in; the two take turns, so that the noise
of the machine falls on both alike. A sign-in's processor time is told beside that of its hash, measured in this process.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.client import Client
from bench.reporting import percentile, print_report
from bench.submit import running
from engine.core import db
from engine.core.db import Database, Session
from engine.people import accounts, passwords

SIGNING_IN = 8
ROUNDS = 5
SECONDS = 3.0
PASSWORD = "Tilleul-1987!"
PAGE = "/demarches"


def main(as_json: bool = False) -> None:
    """Measure on SQLite, as `./parvis up` serves it, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
        url = f"sqlite:///{folder}/bench.sqlite3"
        _residents(url)
        # Each sign-in comes from a network of its own: what slows one network down is not what is measured.
        settings = {"PARVIS_DATABASE_URL": url, "PARVIS_DATA": folder, "PARVIS_PROXY_HOPS": "1"}
        procedures = str(Path(__file__).parent / "procedure")
        with running([sys.executable, "-m", "bench.server", "--procedures", procedures], settings) as port:
            report = measure(port)
    print_report("Eight sign-ins at once", report, as_json)


def measure(port: int) -> dict[str, Any]:
    """The figures of one server."""
    _read(port, 1.0)
    alone: list[float] = []
    beside: list[float] = []
    signed_in: list[float] = []
    for _ in range(ROUNDS):
        alone += _read(port, SECONDS)
        stop = threading.Event()
        browsers = [
            threading.Thread(target=_sign_in, args=(port, number, stop, signed_in)) for number in range(SIGNING_IN)
        ]
        for browser in browsers:
            browser.start()
        beside += _read(port, SECONDS)
        stop.set()
        for browser in browsers:
            browser.join()
    return {
        "page_alone_p50_ms": round(statistics.median(alone), 2),
        "page_alone_p95_ms": round(percentile(alone, 95), 2),
        "page_beside_p50_ms": round(statistics.median(beside), 2),
        "page_beside_p95_ms": round(percentile(beside, 95), 2),
        "ratio_p50": round(statistics.median(beside) / statistics.median(alone), 2),
        "ratio_p95": round(percentile(beside, 95) / percentile(alone, 95), 2),
        "sign_ins_per_s": round(len(signed_in) / (ROUNDS * SECONDS), 1),
        "sign_in_p50_ms": round(statistics.median(signed_in), 1),
        **_cost(port),
        "pages": len(alone) + len(beside),
    }


def _read(port: int, seconds: float) -> list[float]:
    """The milliseconds of each page of one reader."""
    reader, found = Client(port), []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        begin = time.perf_counter()
        response, _ = reader.send("GET", PAGE)
        if response.status != 200:
            raise RuntimeError(f"{PAGE}: {response.status}")
        found.append((time.perf_counter() - begin) * 1000)
    return found


def _sign_in(port: int, number: int, stop: threading.Event, took: list[float]) -> None:
    turn = 0
    browser = Client(port)
    while not stop.is_set():
        turn += 1
        took.append(_once(browser, number, f"10.{number}.{turn // 250}.{turn % 250}"))


def _once(browser: Client, number: int, address: str) -> float:
    """The milliseconds of one sign-in."""
    browser.cookies.clear()
    token = browser.token(browser.send("GET", "/connexion")[1])
    fields = {"identifiant": _login(number), "mot_de_passe": PASSWORD, "csrf_token": token}
    begin = time.perf_counter()
    response, page = browser.send("POST", "/connexion", fields, {"X-Forwarded-For": address})
    if response.status != 303:
        raise RuntimeError(f"sign-in: {response.status} {page[:1000]}")
    return (time.perf_counter() - begin) * 1000


def _cost(port: int) -> dict[str, float]:
    """The processor time of a sign-in, and of the hash in it."""
    browser, whole, hashes = Client(port, measuring=True), [], []
    kept = passwords.hashed(PASSWORD)
    for turn in range(40):
        _once(browser, 0, f"10.99.0.{turn}")
        whole.append(browser.server_ms)
        begin = time.process_time()
        passwords.check(PASSWORD, kept)
        hashes.append((time.process_time() - begin) * 1000)
    sign_in, a_hash = statistics.median(whole), statistics.median(hashes)
    return {
        "sign_in_cpu_ms": round(sign_in, 1),
        "hash_cpu_ms": round(a_hash, 1),
        "hash_share": round(a_hash / sign_in, 2),
    }


def _residents(url: str) -> None:
    db.migrate(url)
    database = Database(url)
    kept = passwords.hashed(PASSWORD)

    def create(session: Session) -> None:
        for number in range(SIGNING_IN):
            accounts.create(
                session, login=_login(number), password_hash=kept, first_names="Ada", birth_name="Lovelace", sex="F"
            )

    database.run(create)
    database.close()


def _login(number: int) -> str:
    return f"ada{number}@exemple.fr"


if __name__ == "__main__":
    main("--json" in sys.argv)
