"""Five user tasks, two exclusive gateways and a function: what `bench/procedure/processes/banc.bpmn` says."""

from __future__ import annotations

from viewflow import this
from viewflow.workflow import flow
from viewflow.workflow.activation import Activation
from viewflow.workflow.flow.views import CreateProcessView, UpdateProcessView

from .models import BancProcess


class BancFlow(flow.Flow):
    """A request for a bench; whoever starts one does all its tasks."""

    process_class = BancProcess

    start = flow.Start(CreateProcessView.as_view(fields=[])).Next(this.mes_informations)
    mes_informations = (
        flow.View(
            UpdateProcessView.as_view(fields=["prenoms", "nom_naissance", "courriel", "telephone_mobile"]),
        )
        .Assign(this.start.owner)
        .Next(this.premier)
    )
    premier = flow.If(this.is_nobody).Then(this.recapitulatif).Else(this.ma_demande)
    ma_demande = (
        flow.View(UpdateProcessView.as_view(fields=["objet", "montant", "details"]))
        .Assign(this.start.owner)
        .Next(this.calcul)
    )
    calcul = flow.Function(this.compute).Next(this.second)
    second = flow.If(this.is_dear).Then(this.recapitulatif).Else(this.precisions)
    precisions = (
        flow.View(UpdateProcessView.as_view(fields=["raison"])).Assign(this.start.owner).Next(this.recapitulatif)
    )
    recapitulatif = (
        flow.View(UpdateProcessView.as_view(fields=["certifie"])).Assign(this.start.owner).Next(this.complement)
    )
    complement = flow.View(UpdateProcessView.as_view(fields=["reponse"])).Assign(this.start.owner).Next(this.fin)
    fin = flow.End()

    def compute(self, activation: Activation) -> None:
        """Work the total out."""
        activation.process.total = activation.process.montant * 2
        activation.process.save()

    def is_nobody(self, activation: Activation) -> bool:
        """Whether the first gateway leaves the next tasks out."""
        return activation.process.prenoms == "Personne"

    def is_dear(self, activation: Activation) -> bool:
        """Whether the second gateway leaves the reason out."""
        return activation.process.total > 1_000_000
