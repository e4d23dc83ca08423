"""Residents of the peers: the same answers to the same five tasks, one connection each, as `bench.client` does it for Parvis."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence

from bench.client import STEPS, Client

PASSWORD = "Parvis-Bench-2026"


class ViewflowResident(Client):
    """A browser that is signed in: the cookies of its session, and the anti-forgery token of what it sends."""

    def __init__(self, port: int, cookies: Mapping[str, str] | None = None) -> None:
        super().__init__(port)
        self.cookies = dict(cookies or {})

    def sign_in(self, name: str) -> None:
        """Sign in through the site's own page."""
        _, page = self.send("GET", "/accounts/login/")
        fields = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": self.token(page)}
        response, text = self.send("POST", "/accounts/login/", fields)
        if response.status != 302:
            raise RuntimeError(f"{name} could not sign in: {response.status} {text[:500]}")

    def token(self, page: str) -> str:
        """The page's anti-forgery token."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if found is None:
            raise RuntimeError(f"no token in the page: {page[:500]}")
        return found[1]

    def journey(self, *, pages: bool = True) -> Iterator[tuple[str, float, int]]:
        """Walk the flow from its start to its end; for each task, its name and its milliseconds.

        With `pages` every form is looked at first, straight at its address: a browser would be led there by one more
        redirection. Without them the token is that of the cookie, and messages («Task 12 has been completed») are dropped
        as a page that shows them would: kept, they would fill the session and slow every step.
        """
        token = self._looked_at("/banc/start/") if pages else self.cookies["csrftoken"]
        where, _ = self._answered("/banc/start/", {}, token)
        for element, answers in STEPS:
            form = f"{where}execute/"
            if f"/{element}/" not in form:
                raise RuntimeError(f"{element} was expected at {where}")
            if pages:
                token = self._looked_at(form)
            where, took = self._answered(form, answers, token)
            if not pages:
                self.cookies.pop("messages", None)
            yield element, took, 0

    def _looked_at(self, path: str) -> str:
        response, page = self.send("GET", path)
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}")
        return self.token(page)

    def _answered(self, path: str, answers: Mapping[str, str], token: str) -> tuple[str, float]:
        """Where the answer leads, and its milliseconds."""
        # The button «Execute and continue».
        fields = {**answers, "_continue": "1", "csrfmiddlewaretoken": token}
        begin = time.perf_counter()
        response, text = self.send("POST", path, fields)
        took = (time.perf_counter() - begin) * 1000
        if response.status != 302:
            raise RuntimeError(f"{path}: {response.status} {text[:2000]}")
        return response.headers["Location"], took


class ViewflowResidents:
    """Makes clients from sessions that were signed in beforehand: hashing a password isn't what is measured."""

    def __init__(self, sessions: Sequence[Mapping[str, str]]) -> None:
        self.sessions = sessions

    def __call__(self, port: int) -> ViewflowResident:
        """One more client; those of processes that were started one after the other have sessions of their own."""
        return ViewflowResident(port, self.sessions[os.getpid() % len(self.sessions)])


class EngineResident(Client):
    """A program that asks the server around bpmn-engine."""

    def journey(self, *, pages: bool = True) -> Iterator[tuple[str, float, int]]:
        """Walk the process from its start to its end; for each task, its name and its milliseconds.

        There are no pages: with `pages` it asks first which task waits.
        """
        where, _ = self._answered("/requests", {})
        request, _, _ = where.rpartition("/")
        for element, answers in STEPS:
            if where != f"{request}/{element}":
                raise RuntimeError(f"{element} was expected at {where}")
            if pages:
                response, text = self.send("GET", request)
                if response.status != 200 or text != f'["{element}"]':
                    raise RuntimeError(f"{request}: {response.status} {text[:500]}")
            where, took = self._answered(where, answers)
            yield element, took, 0

    def _answered(self, path: str, answers: dict[str, str]) -> tuple[str, float]:
        begin = time.perf_counter()
        response, text = self.send("POST", path, answers)
        took = (time.perf_counter() - begin) * 1000
        if response.status != 303:
            raise RuntimeError(f"{path}: {response.status} {text[:2000]}")
        return response.headers["Location"], took
