"""Settings come from the environment, and a wrong one is named."""

import stat
from pathlib import Path

import pytest

from engine.core import config
from engine.core.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(__import__("os").environ):
        if name.startswith("PARVIS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PARVIS_DATA", str(tmp_path / "data"))


def test_nothing_but_a_folder_is_needed(tmp_path: Path) -> None:
    settings = config.load()
    assert settings.data == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/parvis.sqlite3"
    assert settings.files == tmp_path / "data" / "files"
    assert settings.embedded
    assert not settings.demo
    assert not settings.secure_cookies
    assert settings.city.name


def test_the_secret_key_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    first = config.load().secret_key
    assert len(first) >= 48
    assert config.load().secret_key == first
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_a_given_secret_key_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PARVIS_SECRET_KEY", "given by the operator")
    assert config.load().secret_key == "given by the operator"
    assert not (tmp_path / "data").exists()


def test_secrets_stay_out_of_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_SECRET_KEY", "hush-hush")
    monkeypatch.setenv("PARVIS_SMTP_URL", "smtp://user:sesame@mail.example")
    monkeypatch.setenv("PARVIS_DATABASE_URL", "postgresql://parvis:swordfish@db.example/parvis")
    printed = repr(config.load())
    assert not {word for word in ("hush-hush", "sesame", "swordfish") if word in printed}


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_PROXY_HOPS", "two")
    with pytest.raises(ConfigurationError, match="PARVIS_PROXY_HOPS"):
        config.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [("SMS_URL", "ftp://sms.example"), ("REPLY_ADDRESS", "a+b@ville.example"), ("DIGEST_MINUTES", "-1")],
)
def test_how_messages_leave_is_checked_at_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PARVIS_{name}", value)
    with pytest.raises(ConfigurationError, match=name):
        config.load()


def test_the_ways_of_messages_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (config.load().sms_url, config.load().reply_address, config.load().digest_minutes) == (None, None, 10)
    monkeypatch.setenv("PARVIS_SMS_URL", "https://sms.example/messages")
    monkeypatch.setenv("PARVIS_REPLY_ADDRESS", "echanges@ville.example")
    loaded = config.load()
    assert (loaded.sms_url, loaded.reply_address) == ("https://sms.example/messages", "echanges@ville.example")


def test_an_empty_secret_key_file_is_an_error_and_not_an_empty_key(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret_key").write_text("\n")
    with pytest.raises(ConfigurationError, match="secret_key"):
        config.load()


def test_the_public_address_decides_of_the_cookies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_PUBLIC_URL", "https://demarches.example/")
    settings = config.load()
    assert settings.secure_cookies
    assert settings.public_url == "https://demarches.example"


@pytest.mark.parametrize(
    ("demo", "loopback", "smtp", "shown"),
    [("1", "1", "", True), ("0", "1", "", False), ("1", "0", "", False), ("1", "1", "smtp://mail.example", False)],
)
def test_mail_is_shown_on_a_page_in_a_local_demo_only(
    monkeypatch: pytest.MonkeyPatch, demo: str, loopback: str, smtp: str, shown: bool
) -> None:
    monkeypatch.setenv("PARVIS_DEMO", demo)
    monkeypatch.setenv("PARVIS_LOOPBACK", loopback)
    monkeypatch.setenv("PARVIS_SMTP_URL", smtp)
    assert config.load().outbox is shown


def test_the_city_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_CITY_NAME", "Ville d’Ailleurs")
    assert config.load().city.name == "Ville d’Ailleurs"


def test_what_is_used_is_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_current", None)
    loaded = config.current()
    assert config.current() is loaded
    given = config.load()
    config.use(given)
    assert config.current() is given


@pytest.mark.parametrize("address", ["clamd.ctl", "http://127.0.0.1:3310", "tcp://127.0.0.1", "tcp://"])
def test_a_virus_scanner_that_cannot_be_asked_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PARVIS_CLAMD", address)
    with pytest.raises(ConfigurationError, match="CLAMD"):
        config.load()


@pytest.mark.parametrize("address", ["", "/run/clamav/clamd.ctl", "tcp://127.0.0.1:3310"])
def test_a_virus_scanner_is_a_socket_or_a_host(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PARVIS_CLAMD", address)
    assert config.load().clamd == (address or None)


@pytest.mark.parametrize(
    "url", ["s3://bucket", "https://a:b@host/bucket", "s3+https://host/bucket", "s3+https://a:b@host"]
)
def test_a_store_of_files_that_cannot_be_understood_is_said_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PARVIS_FILES_URL", url)
    with pytest.raises(ConfigurationError, match="FILES_URL") as caught:
        config.load()
    assert "a:b" not in str(caught.value)


def test_files_may_be_in_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_FILES_URL", "s3+https://key:s%2Fcret@s3.example:9000/bucket/parvis?region=fr-par")
    settings = config.load()
    assert settings.files_url
    assert "cret" not in repr(settings)
