"""Where files are kept: folders, or a store that speaks S3 (moto's server, asked over HTTP)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from engine.contact import documents
from engine.contact.documents import storage
from engine.core import clock, config
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import NotFound, Unavailable
from tests import s3
from tests.engine.contact.documents.conftest import CASE, PDF, on_disk, rolled_back, store


@pytest.fixture(scope="module")
def store_url() -> Iterator[str]:
    with s3.running() as url:
        yield url


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings with each way of keeping files."""
    made = settings
    if request.param == "bucket":
        made = replace(settings, files_url=request.getfixturevalue("store_url"))
    config.use(made)
    return made


def test_a_file_comes_back_from_where_it_is_kept(session: Session, kept: Settings) -> None:
    stored = store(session, kept, PDF, filename="a.pdf")
    assert documents.open_file(kept, stored).read() == PDF
    assert bool(on_disk(kept)) is (kept.files_url is None)
    assert PDF not in storage.of(kept).get(stored.path)
    storage.of(kept).remove(stored.path)
    storage.of(kept).remove(stored.path)
    with pytest.raises(NotFound):
        documents.open_file(kept, stored)


def test_a_removed_file_and_an_orphan_go_from_where_they_were(
    database: Database, kept: Settings, unchecked: None
) -> None:
    with database.transaction() as session:
        gone, stays = store(session, kept), store(session, kept)
    with database.transaction() as session:
        documents.remove(session, kept, documents.find(session, CASE, gone.id))
    with rolled_back(database) as session:
        orphan = store(session, kept)
    paths = {path for some in storage.of(kept).paths() for path in some}
    assert paths == {stays.path, orphan.path}
    with clock.frozen(clock.now() + documents.ORPHAN_AFTER + timedelta(days=1)), database.transaction() as session:
        assert documents.sweep(session, kept) == 1
    assert [path for some in storage.of(kept).paths() for path in some] == [stays.path]
    storage.of(kept).remove(stays.path)


def test_a_store_that_does_not_answer_is_unavailable_and_says_no_secret(settings: Settings, store_url: str) -> None:
    nowhere = urlsplit(store_url)._replace(path="/no-such-bucket").geturl()
    with pytest.raises(Unavailable) as caught:
        storage.of(replace(settings, files_url=nowhere)).put("aa/b", b"x")
    assert "NoSuchBucket" in str(caught.value)
    assert "cret" not in str(caught.value)
    assert "cret" not in repr(replace(settings, files_url=store_url))
