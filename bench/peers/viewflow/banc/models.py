"""What a request holds, in the JSON field of Viewflow's own table: no table of its own, one row less to write."""

from __future__ import annotations

from viewflow import jsonstore
from viewflow.workflow.models import Process


class BancProcess(Process):
    """A request for a bench."""

    prenoms = jsonstore.CharField(max_length=100)
    nom_naissance = jsonstore.CharField(max_length=100)
    courriel = jsonstore.EmailField()
    telephone_mobile = jsonstore.CharField(max_length=30, blank=True)
    objet = jsonstore.CharField(max_length=200)
    montant = jsonstore.PositiveIntegerField(null=True)
    details = jsonstore.TextField(max_length=2000, blank=True)
    raison = jsonstore.CharField(max_length=200)
    certifie = jsonstore.BooleanField(default=False)
    reponse = jsonstore.CharField(max_length=200)
    total = jsonstore.IntegerField(null=True)

    class Meta:
        proxy = True
