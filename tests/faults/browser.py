"""A browser and the patience of who sits before it: what got no answer is sent again, to whichever web process answers."""

from __future__ import annotations

import html
import http.client
import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from tests.faults.record import Record

_TIMEOUT = 40
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_REDIRECTS = 6
_BOUNDARY = "parvis-faults"


class GaveUp(Exception):
    """No answer until the end of the run's patience."""


@dataclass(frozen=True)
class File:
    """A file chosen in a field."""

    field: str
    name: str
    content: bytes


@dataclass(frozen=True)
class Answer:
    """What came back in the end. `again` says that the request was sent more than once."""

    status: int
    path: str
    text: str
    location: str
    again: bool


class Browser:
    """One person's: cookies, an anti-forgery token, one connection at a time.

    `closing` tells the person to come to an end, `until` (of the monotonic clock) is when their patience ends.
    """

    def __init__(
        self,
        urls: Sequence[str],
        cookies: Mapping[str, str],
        record: Record,
        *,
        seed: str,
        closing: threading.Event,
        until: float,
    ) -> None:
        self.choice = random.Random(seed)
        self.record = record
        self.closing = closing
        self._hosts = [urlsplit(url).netloc for url in urls]
        self._host = self.choice.choice(self._hosts)
        self._connection: http.client.HTTPConnection | None = None
        self._cookies = dict(cookies)
        self._token = ""
        self._until = until

    def get(self, path: str) -> Answer:
        """The page, redirects followed."""
        for _ in range(_REDIRECTS):
            answer = self.send("GET", path)
            if answer.status != 303:
                found = _TOKEN.search(answer.text)
                self._token = found[1] if found else self._token
                return answer
            path = answer.location
        raise RuntimeError(f"too many redirects, the last one to {path}")

    def post(self, path: str, fields: Mapping[str, str | Sequence[str]], file: File | None = None) -> Answer:
        """Send a form; sent again as long as it gets no answer, or one that says to try later."""
        return self.send("POST", path, fields, file)

    def send(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        file: File | None = None,
    ) -> Answer:
        """One request and its answer, however many times it takes."""
        again = False
        while True:
            if time.monotonic() > self._until:
                raise GaveUp(f"{method} {path} at {self._host}")
            try:
                answer = self._once(method, path, fields, file, again)
            except (OSError, http.client.HTTPException) as error:
                self.record.meet(f"{type(error).__name__}")
                self._elsewhere()
            else:
                if answer.status < 500:
                    return answer
                if answer.status == 503:
                    self.record.meet("503")
                else:
                    self.record.surprise(f"{answer.status} on {method} {path}")
            again = True
            time.sleep(self.choice.uniform(0.1, 0.5))

    def forget(self) -> None:
        """Come as somebody new."""
        self._cookies.clear()
        self._token = ""

    def close(self) -> None:
        """Close the connection, until the next request."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _once(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str | Sequence[str]] | None,
        file: File | None,
        again: bool,
    ) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=_TIMEOUT)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        body: bytes | None = None
        if fields is not None and file is not None:
            body = _multipart({**fields, "csrf_token": self._token}, file)
            headers["Content-Type"] = f"multipart/form-data; boundary={_BOUNDARY}"
        elif fields is not None:
            body = urlencode({**fields, "csrf_token": self._token}, doseq=True).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self._cookies[name] = value
        location = html.unescape(response.headers.get("Location", ""))
        return Answer(response.status, path, text, location, again)

    def _elsewhere(self) -> None:
        """Leave the connection for another web process, as a load balancer would choose one."""
        self.close()
        others = [host for host in self._hosts if host != self._host]
        self._host = self.choice.choice(others or self._hosts)


def _multipart(fields: Mapping[str, str | Sequence[str]], file: File) -> bytes:
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{one}'.encode()
        for name, value in fields.items()
        for one in ([value] if isinstance(value, str) else value)
    ]
    about = f'Content-Disposition: form-data; name="{file.field}"; filename="{file.name}"\r\n\r\n'
    parts.append(about.encode() + file.content)
    begin = f"--{_BOUNDARY}\r\n".encode()
    return b"".join(begin + part + b"\r\n" for part in parts) + f"--{_BOUNDARY}--\r\n".encode()
