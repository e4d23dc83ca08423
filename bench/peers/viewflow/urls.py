"""Viewflow's site with one flow, and its own page for signing in."""

from __future__ import annotations

from banc.flows import BancFlow
from django.urls import path
from viewflow.contrib.auth import AuthViewset
from viewflow.urls import Site
from viewflow.workflow.flow import FlowAppViewset

site = Site(title="Banc", viewsets=[FlowAppViewset(BancFlow, icon="assignment")])

urlpatterns = [
    path("accounts/", AuthViewset().urls),
    path("", site.urls),
]
