"""Settings, read once from the environment. Every name begins with `PARVIS_`; `docs/for-operators.md` lists them."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError, validate

from engine.core.errors import ConfigurationError

# Who wakes the jobs where Redis is named. A dotted path: the engine knows no broker.
WAKER = "workers.wake.wake"
# Who counts tries for all processes there; likewise.
THROTTLE = "workers.throttle.SharedTries"
# Nothing, the path of a socket, or a host.
_CLAMD = r"(|/.+|tcp://[^/?#]+:\d{1,5})\Z"
_FILES = r"(|s3\+https?://[^:@/?#]+:[^:@/?#]+@[^@/?#]+/[^@?#]+(\?region=[\w-]+)?)\Z"
_FILES_EXPECTED = "expected s3+https://KEY:SECRET@host/bucket[/prefix][?region=…]"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# Read by `engine.core.metrics` itself, when it is imported.
METRICS_FOLDER = "PARVIS_METRICS_FOLDER"
_WEB_ADDRESS = validate.Regexp(r"(|https?://\S+)\Z", error="An address that begins with https:// is expected.")
_REPLY_ADDRESS = validate.Regexp(
    r"(|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+)\Z", error="An e-mail address without + is expected."
)


@dataclass(frozen=True)
class City:
    """The city that publishes the portal: what its pages and its letters say of it."""

    name: str = "Ville de Valmont-sur-Seine"
    short_name: str = "Valmont-sur-Seine"
    space_name: str = "Mon Valmont"
    address: str = "Hôtel de ville, 1 place de la République"
    postcode: str = "95999"
    town: str = "Valmont-sur-Seine"
    phone: str = "01 99 00 12 34"
    email: str = "contact@valmont-sur-seine.example"
    brand_colour: str = "#164a7b"
    # Whom the law wants named: who answers for what is published, and who keeps the machines.
    director: str = "Le maire de Valmont-sur-Seine"
    host: str = "Ville de Valmont-sur-Seine, hôtel de ville, 1 place de la République, 95999 Valmont-sur-Seine"


@dataclass(frozen=True)
class OpenIdProvider:
    """Who certifies identities: FranceConnect for residents, ProConnect for agents. `acr` is the level of assurance that is asked
    for, `algorithm` the only one that its tokens may be signed with."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    acr: str = "eidas1"
    algorithm: str = "ES256"


@dataclass(frozen=True)
class Settings:
    """What an operator decides. `data` is the folder of everything that must survive a restart."""

    data: Path
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    # They still read what they wrote (`engine.core.secrets`).
    former_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    public_url: str = "http://127.0.0.1:8000"
    city: City = City()
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = "ne-pas-repondre@valmont-sur-seine.example"
    reply_address: str | None = None
    sms_url: str | None = field(default=None, repr=False)
    sms_token: str | None = field(default=None, repr=False)
    sms_from: str = ""
    sms_gateway: str | None = None
    digest_minutes: int = 10
    demo: bool = False
    second_factor: str | None = None
    loopback: bool = True
    redis_url: str | None = field(default=None, repr=False)
    waker: str | None = None
    throttle: str | None = None
    proxy_hops: int = 0
    host: str = "127.0.0.1"
    port: int = 8000
    web_processes: int = 2
    web_threads: int = 12
    worker_processes: int = 4
    log: str = "text"
    log_level: str | None = None
    # How long a request without its account is kept after its end, and how long a message that was sent.
    retention_months: int = 24
    # The city's own texts, which take the place of those that are shipped.
    texts: Path | None = None
    metrics_folder: Path | None = None
    metrics_token: str | None = field(default=None, repr=False)
    traces_url: str | None = None
    draft_days: int = 60
    draft_notice_days: int = 7
    clamd: str | None = None
    files_url: str | None = field(default=None, repr=False)
    space_megabytes: int = 200
    franceconnect: OpenIdProvider | None = None
    proconnect: OpenIdProvider | None = None

    @property
    def files(self) -> Path:
        """Where uploaded files are kept: outside of anything that a web server serves."""
        return self.data / "files"

    @property
    def embedded(self) -> bool:
        """One process with its own jobs' thread: nothing else wakes the jobs."""
        return self.waker is None

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def second_factor_required(self) -> bool:
        """Whether an agent without a second factor has to add one before they go on. Where demo data is tried out on one's own
        machine it is offered only: its passwords are known to all anyway."""
        return (self.second_factor or ("offered" if self.demo and self.loopback else "required")) == "required"

    @property
    def outbox(self) -> bool:
        """Whether mail is shown on a page instead of sent: demo data on loopback without SMTP, and nowhere else."""
        return self.demo and self.loopback and self.smtp_url is None


def load() -> Settings:
    """Read the settings of this process, or raise `ConfigurationError` naming the variable that is wrong."""
    env = Env(prefix="PARVIS_")
    try:
        data = Path(env.str("DATA", "var")).absolute()
        city = City(
            name=env.str("CITY_NAME", City.name),
            short_name=env.str("CITY_SHORT_NAME", City.short_name),
            space_name=env.str("CITY_SPACE_NAME", City.space_name),
            address=env.str("CITY_ADDRESS", City.address),
            postcode=env.str("CITY_POSTCODE", City.postcode),
            town=env.str("CITY_TOWN", City.town),
            phone=env.str("CITY_PHONE", City.phone),
            email=env.str("CITY_EMAIL", City.email),
            brand_colour=env.str("CITY_BRAND_COLOUR", City.brand_colour),
            director=env.str("CITY_DIRECTOR", City.director),
            host=env.str("CITY_HOST", City.host),
        )
        redis_url = env.str("REDIS_URL", "") or None
        given = env.str("SECRET_KEY", "")
        secret_key, *former = [given] if given else _kept_secrets(data)
        return Settings(
            data=data,
            database_url=env.str("DATABASE_URL", f"sqlite:///{data / 'parvis.sqlite3'}"),
            secret_key=secret_key,
            former_secret_keys=(*filter(None, env.list("FORMER_SECRET_KEYS", [])), *former),
            public_url=env.str("PUBLIC_URL", Settings.public_url).rstrip("/"),
            city=city,
            smtp_url=env.str("SMTP_URL", "") or None,
            mail_from=env.str("MAIL_FROM", Settings.mail_from),
            reply_address=env.str("REPLY_ADDRESS", "", validate=_REPLY_ADDRESS) or None,
            sms_url=env.str("SMS_URL", "", validate=_WEB_ADDRESS) or None,
            sms_token=env.str("SMS_TOKEN", "") or None,
            sms_from=env.str("SMS_FROM", ""),
            sms_gateway=env.str("SMS_GATEWAY", "") or None,
            digest_minutes=env.int("DIGEST_MINUTES", Settings.digest_minutes, validate=validate.Range(0, 1440)),
            demo=env.bool("DEMO", False),
            second_factor=env.str("SECOND_FACTOR", "", validate=validate.OneOf(("", "required", "offered"))) or None,
            loopback=env.bool("LOOPBACK", True),
            redis_url=redis_url,
            waker=env.str("WAKER", WAKER if redis_url else "") or None,
            throttle=env.str("THROTTLE", THROTTLE if redis_url else "") or None,
            proxy_hops=env.int("PROXY_HOPS", 0),
            host=env.str("HOST", Settings.host),
            port=env.int("PORT", Settings.port, validate=validate.Range(0, 65535)),
            web_processes=env.int("WEB_PROCESSES", Settings.web_processes, validate=validate.Range(1, 64)),
            web_threads=env.int("WEB_THREADS", Settings.web_threads, validate=validate.Range(1, 256)),
            worker_processes=env.int("WORKER_PROCESSES", Settings.worker_processes, validate=validate.Range(1, 256)),
            log=env.str("LOG", Settings.log, validate=validate.OneOf(("text", "json"))),
            log_level=env.str("LOG_LEVEL", "", validate=validate.OneOf(("", *LOG_LEVELS))) or None,
            texts=Path(folder) if (folder := env.str("TEXTS", "")) else None,
            retention_months=env.int("RETENTION_MONTHS", Settings.retention_months, validate=validate.Range(0, 1200)),
            metrics_folder=Path(folder) if (folder := env.str("METRICS_FOLDER", "")) else None,
            metrics_token=env.str("METRICS_TOKEN", "") or None,
            traces_url=env.str("TRACES_URL", "") or None,
            draft_days=env.int("DRAFT_DAYS", Settings.draft_days, validate=validate.Range(2, 3650)),
            draft_notice_days=env.int(
                "DRAFT_NOTICE_DAYS", Settings.draft_notice_days, validate=validate.Range(1, 3649)
            ),
            clamd=env.str("CLAMD", "", validate=validate.Regexp(_CLAMD, error="expected a path or tcp://host:port"))
            or None,
            files_url=env.str("FILES_URL", "", validate=validate.Regexp(_FILES, error=_FILES_EXPECTED)) or None,
            space_megabytes=env.int("SPACE_MEGABYTES", Settings.space_megabytes, validate=validate.Range(1, 100_000)),
            franceconnect=_provider(env, "FRANCECONNECT"),
            proconnect=_provider(env, "PROCONNECT"),
        )
    except EnvError as error:
        raise ConfigurationError(str(error)) from error


def _provider(env: Env, name: str) -> OpenIdProvider | None:
    """The provider of that name, or None when nothing is said of it: its buttons then don't appear."""
    issuer, client_id, secret = (env.str(f"{name}_{one}", "") for one in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))
    if not (issuer or client_id or secret):
        return None
    if not (issuer and client_id and secret):
        raise ConfigurationError(f"PARVIS_{name}_ISSUER, _CLIENT_ID and _CLIENT_SECRET go together: give all, or none")
    address = urlsplit(issuer)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigurationError(f"PARVIS_{name}_ISSUER must begin with https://")
    acr = env.str(f"{name}_ACR", OpenIdProvider.acr)
    if name == "FRANCECONNECT" and acr not in ("eidas1", "eidas2", "eidas3"):
        raise ConfigurationError("PARVIS_FRANCECONNECT_ACR is eidas1, eidas2 or eidas3")
    return OpenIdProvider(
        issuer=issuer.rstrip("/"),
        client_id=client_id,
        client_secret=secret,
        acr=acr,
        algorithm=env.str(f"{name}_ALGORITHM", OpenIdProvider.algorithm, validate=validate.OneOf(("ES256", "RS256"))),
    )


def _kept_secrets(data: Path) -> list[str]:
    """The secret keys of an embedded installation, the current one first.

    The first is made at the first start. They are lines of a file that only its owner reads.
    """
    path = data / "secret_key"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        draft = _draft(path, [_new_secret()])
        # Linked once whole: neither a crash nor another process that starts can ever see half a key.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    keys = path.read_text().split()
    if not keys:
        raise ConfigurationError(f"{path} is empty: put the key back, or remove the file to have a new one made")
    return keys


def rotate_kept_secret(data: Path) -> int:
    """Put a new secret key before those of the file, which become former ones; how many those are.

    `ConfigurationError` where the installation has no such file: its key is given by the environment.
    """
    path = data / "secret_key"
    if not path.exists():
        raise ConfigurationError(
            f"{path} does not exist: the key comes from PARVIS_SECRET_KEY; give a new one there, and add the one it "
            "replaces to PARVIS_FORMER_SECRET_KEYS"
        )
    former = _kept_secrets(data)
    _draft(path, [_new_secret(), *former]).replace(path)
    return len(former)


def drop_former_secrets(data: Path) -> int:
    """Keep the current secret key of the file alone; how many former ones are gone."""
    path = data / "secret_key"
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist: former keys are in PARVIS_FORMER_SECRET_KEYS, or nowhere")
    current, *former = _kept_secrets(data)
    _draft(path, [current]).replace(path)
    return len(former)


def _new_secret() -> str:
    return secrets.token_urlsafe(48)


def _draft(path: Path, keys: list[str]) -> Path:
    """A file beside `path` that holds the keys and is on the disk for good."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(keys))
        file.flush()
        os.fsync(file.fileno())
    return draft


_current: Settings | None = None


def use(settings: Settings) -> None:
    """Make `settings` those of this process."""
    global _current
    _current = settings


def current() -> Settings:
    """The settings of this process: those given to `use`, else those of the environment."""
    global _current
    if _current is None:
        _current = load()
    return _current
