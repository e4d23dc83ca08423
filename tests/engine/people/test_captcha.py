"""The captcha: a proof of work, digits seen or heard, passes that count once (B3)."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import altcha
import pytest
from PIL import Image

from engine.core import config
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.people import captcha

Clock = Callable[[str], datetime]


def solved(challenge: dict[str, Any]) -> str:
    """What the page's script sends."""
    found = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(found)
    assert solution is not None
    return altcha.Payload(found, solution).to_base64()


@pytest.fixture
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that takes no time."""
    monkeypatch.setattr(captcha, "_COST", 1)
    monkeypatch.setattr(captcha, "_ROUNDS", range(3, 9))


@pytest.mark.usefixtures("easy")
def test_work_done_gives_a_pass_once(session: Session) -> None:
    payload = solved(captcha.challenge())
    token = captcha.work_done(session, payload)
    assert token is not None
    assert captcha.pass_holds(token)
    assert captcha.work_done(session, payload) is None


@pytest.mark.usefixtures("easy")
def test_work_for_a_challenge_of_ones_own_is_worth_nothing(session: Session) -> None:
    forged = altcha.create_challenge("PBKDF2/SHA-256", 1, counter=1, hmac_secret="another secret").to_dict()
    assert captcha.work_done(session, solved(forged)) is None
    facts = json.loads(base64.b64decode(solved(captcha.challenge())))
    facts["challenge"]["parameters"]["keyPrefix"] = ""
    assert captcha.work_done(session, base64.b64encode(json.dumps(facts).encode()).decode()) is None
    facts = json.loads(base64.b64decode(solved(captcha.challenge())))
    facts["solution"]["derivedKey"] = "00" * 32
    assert captcha.work_done(session, base64.b64encode(json.dumps(facts).encode()).decode()) is None


@pytest.mark.parametrize("payload", ["", "x", "e30=", "bnVsbA==", "W10=", "é", "A" * 10_000])
def test_nonsense_is_no_work(session: Session, payload: str) -> None:
    assert captcha.work_done(session, payload) is None


def test_the_right_digits_give_a_pass(session: Session) -> None:
    key = captcha.new_key()
    digits = captcha.digits(key)
    assert digits is not None
    assert len(digits) == captcha.DIGITS
    assert digits.isdigit()
    assert captcha.digits_right(session, key, f" {digits[:2]} {digits[2:]} ") is not None


def test_a_key_is_worth_one_try(session: Session) -> None:
    key = captcha.new_key()
    digits = captcha.digits(key) or ""
    assert captcha.digits_right(session, key, "abcde") is None
    assert captcha.digits_right(session, key, digits) is None


def test_keys_and_passes_end(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    key, token = captcha.new_key(), captcha.make_pass()
    digits = captcha.digits(key) or ""
    clock_at("2027-01-31 10:20")
    assert captcha.digits(key) is None
    assert captcha.digits_right(session, key, digits) is None
    assert not captcha.pass_holds(token)
    assert not captcha.spend(session, token)


def test_a_pass_is_spent_once(session: Session) -> None:
    token = captcha.make_pass()
    assert captcha.spend(session, token)
    assert not captcha.spend(session, token)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "a.99999999999.x", "é.1.x"])
def test_nobody_else_makes_keys_or_passes(session: Session, token: str) -> None:
    assert captcha.digits(token) is None
    assert not captcha.spend(session, token)
    assert captcha.digits_right(session, token, "00000") is None


def test_a_key_is_no_pass(session: Session) -> None:
    assert not captcha.pass_holds(captcha.new_key())
    assert captcha.digits(captcha.make_pass()) is None


def test_another_secret_makes_other_digits(tmp_path: Path) -> None:
    key = captcha.new_key()
    config.use(Settings(data=tmp_path, database_url="sqlite://", secret_key="another secret"))
    assert captcha.digits(key) is None


def test_the_picture_is_a_picture() -> None:
    with Image.open(io.BytesIO(captcha.image("40718"))) as picture:
        assert (picture.format, picture.size) == ("PNG", (240, 90))


def test_the_digits_are_read_aloud_one_after_the_other(tmp_path: Path) -> None:
    for digit in range(10):
        folder = tmp_path / str(digit)
        folder.mkdir()
        with wave.open(str(folder / "voix.wav"), "wb") as voice:
            voice.setparams((1, 1, 8000, 0, "NONE", ""))
            voice.writeframes(bytes([128, 200, 56, 128] * 500))
    with wave.open(io.BytesIO(captcha.spoken("40718", tmp_path))) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (8000, 1)
        assert sound.getnframes() > captcha.DIGITS * 8000


def test_one_pass_given_at_once_to_four_counts_once(database: Database) -> None:
    token = captcha.make_pass()
    with ThreadPoolExecutor(4) as clicks:
        assert sum(clicks.map(lambda _click: database.run(captcha.spend, token), range(4))) == 1
