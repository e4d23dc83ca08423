"""`django-admin residents COUNT PASSWORD`: accounts for the clients, so that nobody's list of tasks gets long."""

from __future__ import annotations

from argparse import ArgumentParser

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Make the accounts `resident-0` to `resident-(COUNT - 1)`."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many, and the password of all."""
        parser.add_argument("count", type=int)
        parser.add_argument("password")

    def handle(self, *, count: int, password: str, **_: object) -> None:
        """Write them. They may do everything: the account for which Viewflow asks the database least."""
        hashed = make_password(password)
        User.objects.bulk_create(
            User(username=f"resident-{number}", password=hashed, is_staff=True, is_superuser=True)
            for number in range(count)
        )
