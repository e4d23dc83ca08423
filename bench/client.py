"""A resident's browser, as far as the server can tell, walking the bench's procedure from its page to its last task."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from bench.wire import Answer, Wire

STEPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("mes_informations", {"prenoms": "Ada", "nom_naissance": "Lovelace", "courriel": "ada@exemple.fr"}),
    ("ma_demande", {"objet": "Un banc", "montant": "120", "details": "Près de la fontaine. " * 20}),
    ("precisions", {"raison": "Pour s’asseoir"}),
    ("recapitulatif", {"certifie": "true"}),
    ("complement", {"reponse": "Voilà."}),
)


class Client:
    """One connection, its cookies, its forms' tokens."""

    def __init__(self, port: int, *, measuring: bool = False) -> None:
        self.connection = Wire(port)
        self.cookies: dict[str, str] = {}
        self.measuring = measuring
        self.server_ms = 0.0
        """When `measuring`: the milliseconds of processor that the server spent since the answer before the last: on that
        request, when nobody else asks it anything."""
        self._clock = 0.0

    def send(
        self,
        method: str,
        path: str,
        fields: dict[str, str] | None = None,
        further: dict[str, str] | None = None,
    ) -> tuple[Answer, str]:
        """One request, with `further` headers, and its whole answer."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **(further or {})}
        if self.measuring:
            headers["X-Measure"] = "1"
        body = None
        if fields is not None:
            body = urlencode(fields).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        response = self.connection.exchange(method, path, headers, body)
        text = response.body.decode()
        now = float(response.headers.get("X-Processor", "0")) * 1000
        self.server_ms, self._clock = now - self._clock, now
        for cookie in response.headers.get_all("Set-Cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return response, text

    def token(self, page: str) -> str:
        """The page's anti-forgery token."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        if found is None:
            raise RuntimeError(f"no token in the page: {page[:500]}")
        return found[1]

    def journey(self, *, pages: bool = True) -> Iterator[tuple[str, float, int]]:
        """Walk the procedure without an account; for each step, its element, its milliseconds and its statements.

        Without `pages`, the steps are answered without being looked at first, as a program would: one token serves for all.
        """
        self.cookies.clear()
        _, page = self.send("GET", "/demarches/banc")
        token = self.token(page)
        response, _ = self.send("POST", "/demarches/banc", {"csrf_token": token})
        where = response.headers["Location"]
        for element, answers in STEPS:
            if pages or element == "complement":
                _, page = self.send("GET", where)
            if element == "complement":
                # After filing: the page of the request, then the task that waits there.
                where = self._link(page, "/a-faire/") or self._link(self._tracked(page, where), "/a-faire/") or ""
                if pages:
                    _, page = self.send("GET", where)
            if pages:
                token = self.token(page)
            begin = time.perf_counter()
            response, text = self.send("POST", where, {**answers, "csrf_token": token})
            took = (time.perf_counter() - begin) * 1000
            if response.status != 303:
                raise RuntimeError(f"{element}: {response.status} {text[:2000]}")
            yield element, took, int(response.headers.get("X-Statements", "0"))
            where = response.headers["Location"]

    def floor(self, number: int) -> float:
        """The milliseconds of one bare transaction."""
        begin = time.perf_counter()
        response, _ = self.send("POST", f"/floor/{number}", {})
        if response.status != 204:
            raise RuntimeError(f"floor: {response.status}")
        return (time.perf_counter() - begin) * 1000

    def _tracked(self, page: str, where: str) -> str:
        return self.send("GET", self._link(page, "/suivi") or where)[1]

    def _link(self, page: str, part: str) -> str | None:
        found = re.search(rf'href="([^"]*{part}[^"]*)"', page)
        return found[1] if found else None
