# ruff: noqa: E501 - a table of sentences reads better one a line
"""What each code says to the analyst: what is wrong, then what to do. Codes are stable; sentences may improve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final


def typeset(text: str) -> str:
    """French typography: no-break spaces inside « » and before : ; ? !"""
    return re.sub(r"(?<=«) | (?=[»:;?!])", "\N{NO-BREAK SPACE}", text)


_PLAIN: Final = {
    # --- the file
    "xml": "{why}",
    "doctype": "{why}",
    "not-bpmn": "{why}",
    "no-process": "{why}",
    "schema": "L’écriture du fichier n’est pas conforme à BPMN 2.0 : {why}",
    "duplicate-id": "L’identifiant « {name} » est déjà utilisé ligne {first} : donnez un identifiant différent à chaque élément.",
    "several-processes": "Le fichier contient plusieurs processus : gardez un seul processus par fichier.",
    "not-executable": "Le processus n’est pas exécutable : cochez « Exécutable » dans ses propriétés.",
    "process-id": "Le processus s’appelle « {id} » alors que le fichier s’appelle « {file} » : donnez-lui l’identifiant « {stem} ».",
    "bad-slug": "Le nom « {stem} » ne peut pas servir dans une adresse : écrivez-le en minuscules sans accent, avec des tirets, par exemple « {example} ».",
    "no-title": "La démarche n’a pas de titre : donnez un nom au processus.",
    "no-description": "La démarche n’a pas de description : ajoutez la propriété « description », une phrase lue dans le catalogue.",
    # --- elements
    "unsupported": "« {node} » : {what} n’est pas pris en charge. {advice}",
    "foreign-extension": "L’extension « {name} » d’un autre outil n’est pas lue par la plateforme : retirez-la.",
    "bad-id": "L’identifiant « {id} » ne peut pas servir dans une expression : écrivez-le en minuscules sans accent ni tiret, par exemple « {example} ».",
    "reserved-id": "L’identifiant « {id} » est réservé par la plateforme : choisissez-en un autre.",
    "start-event": "{where} doit avoir un seul événement de début, sans minuterie ni message : il en a {count}.",
    "start-kind": "Une démarche commence par une personne : l’événement de début « {node} » ne doit porter ni minuterie, ni message, ni signal.",
    "no-end": "{where} n’a pas d’événement de fin : ajoutez-en un au bout de chaque chemin.",
    "no-script": "La tâche de script « {node} » n’a pas de script : écrivez des lignes « nom = expression ».",
    "no-event": "L’événement « {node} » n’a pas de définition : choisissez une minuterie, un message, un signal, une erreur ou une condition.",
    "unknown-message": "« {node} » fait référence à un message, un signal ou une erreur qui n’existe pas ou n’a pas de nom : choisissez-le dans la liste de l’éditeur.",
    "no-timer": "La minuterie « {node} » n’a pas d’échéance : indiquez une date, une durée ou une répétition.",
    "bad-timer": "L’échéance « {text} » de la minuterie « {node} » n’est pas {expected}.",
    "bad-loop": "La répétition de « {node} » est incomplète : {why}.",
    # --- lanes
    "no-lane": "La tâche « {node} » n’est dans aucun couloir : placez-la dans le couloir « Usager » ou dans celui d’un groupe d’agents.",
    "unnamed-lane": "Un couloir n’a pas de nom : nommez-le « Usager » ou du nom d’un groupe d’agents.",
    "unknown-group": "Aucun groupe d’agents ne s’appelle « {name} » : les groupes connus sont {known}.",
    # --- the graph
    "flow-nowhere": "La flèche « {flow} » ne relie pas deux éléments du processus : raccrochez-la ou supprimez-la.",
    "flow-across": "La flèche « {flow} » traverse le bord d’un sous-processus : faites-la partir du sous-processus lui-même, ou y arriver.",
    "misplaced-flow": "Aucune flèche ne peut {what} « {node} » : supprimez-la.",
    "several-flows": "Plusieurs flèches partent de « {node} » : ajoutez une passerelle qui dit si les chemins sont suivis ensemble ou au choix.",
    "boundary-nowhere": "L’événement de bord « {node} » n’est attaché à aucune tâche : posez-le sur le bord d’une tâche.",
    "dead-end": "Le chemin s’arrête à « {node} » : reliez-le à la suite ou à un événement de fin.",
    "unreachable": "Aucun chemin ne mène à « {node} » : reliez-le au reste du processus ou supprimez-le.",
    "endless": "Une fois à « {node} », aucun chemin ne mène à une fin : ajoutez une sortie à la boucle.",
    "event-gateway": "La passerelle d’événements « {node} » {why}.",
    "no-condition": "La flèche « {flow} » n’a pas de condition : ajoutez-en une ou faites-en la flèche par défaut de « {node} ».",
    "ignored-condition": "La condition de la flèche « {flow} » n’est jamais lue : {why}.",
    "default-nowhere": "La flèche par défaut de « {node} » n’en part pas : choisissez-la parmi ses flèches sortantes.",
    "may-match-nothing": "À la passerelle « {node} », il se peut qu’aucune condition ne soit vraie{example} : ajoutez une flèche par défaut.",
    "join-never": "La passerelle « {node} » attend des branches qui ne sont jamais suivies ensemble : la demande y resterait bloquée. Utilisez une passerelle exclusive pour réunir des chemins au choix.",
    "join-may-wait": "La passerelle « {node} » peut attendre indéfiniment une branche qui n’a pas été suivie ({missing}) : la demande y resterait bloquée.",
    "twice": "« {node} » peut être exécuté plusieurs fois à la fois : des branches parallèles y arrivent séparément. Réunissez-les d’abord par une passerelle parallèle.",
    # --- expressions and data
    "expression": "Dans « {node} », {where} : {why}",
    "unknown-function": "Dans « {node} », {where} : la fonction « {function} » n’existe pas. Fonctions connues : {known}.",
    "variable-never": "« {node} » lit « {name} », mais aucun chemin ne lui donne de valeur avant : {hint}",
    "variable-maybe": "« {node} » lit « {name} », qui n’a de valeur que sur certains chemins : donnez-lui une valeur sur tous, ou écrivez « defined({name}) and … ».",
    "unknown-field": "« {node} » lit « {path} », mais {owner} n’a pas de champ « {field} » : {hint}",
    "unknown-choice": "« {node} » compare « {path} » à « {text} », que son formulaire ne propose pas. Réponses possibles : {known}.",
    "unknown-outcome": "« {node} » compare « {path} » à « {text} », que sa table de décision ne donne jamais. Résultats possibles : {known}.",
    "bad-name": "Dans « {node} », {where} donne une valeur à « {name} », qui ne peut pas être le nom d’une variable : écrivez-le en minuscules sans accent ni tiret, par exemple « {example} ».",
    "reserved-assigned": "Dans « {node} », {where} donne une valeur à « {name} », réservé à la plateforme : choisissez un autre nom.",
    "name-clash": "Dans « {node} », {where} donne une valeur à « {name} », qui est le nom des réponses de la tâche « {task} » : choisissez un autre nom.",
    "placeholder": "Dans « {node} », {where} contient un emplacement « {{…}} » mal écrit : {why}",
    # --- operations
    "no-operation": "La tâche de service « {node} » n’appelle aucune opération : choisissez-en une parmi {known}.",
    "unknown-operation": "L’opération « {name} » de « {node} » n’existe pas : {hint}",
    "unknown-parameter": "L’opération « {operation} » n’a pas de paramètre « {name} » : ses paramètres sont {known}.",
    "repeated-parameter": "Le paramètre « {name} » de « {node} » est donné deux fois : gardez-en un seul.",
    "missing-parameter": "Il manque le paramètre « {name} » à l’opération « {operation} » de « {node} ».",
    "bad-parameter": "Le paramètre « {name} » de « {node} » doit être {expected}.",
    "unknown-letter": "« {node} » envoie le message « {name} », que personne n’a écrit : ajoutez-le au fichier de messages de la démarche, ou donnez « subject » et « body ». Messages écrits : {known}.",
    "unknown-answer": "« {node} » attend la réponse « {name} », mais aucun événement de message ni tâche de réception ne porte ce nom : la réponse de l’usager n’irait nulle part.",
    "no-exchanges": "« {node} » écrit à l’usager dans un échange, mais la démarche n’en a pas : mettez la propriété « exchanges » à « yes ».",
    "exchanges-nobody": "La démarche propose des échanges, mais n’a aucune tâche d’agent : personne n’y répondrait. Mettez la propriété « exchanges » à « no ».",
    "operation-before-filing": "L’opération « {operation} » de « {node} » est appelée avant le récapitulatif, où revenir en arrière la ferait deux fois : placez-la après.",
    "operation-account": "L’opération « {operation} » de « {node} » demande un compte, mais la démarche est ouverte à tous : mettez la propriété « audience » à « locked ».",
    # --- decisions
    "no-decision": "La tâche de décision « {node} » ne nomme aucune table : indiquez l’identifiant d’une décision DMN.",
    "unknown-decision": "La décision « {name} » de « {node} » n’existe pas : {hint}",
    "bad-decision": "La table de décision ne peut pas être utilisée : {why}",
    # --- forms
    "no-form": "La tâche « {node} » n’a pas de formulaire : ajoutez la propriété « formJsonSchemaFilename ».",
    "unknown-form": "Le formulaire « {form} » de « {node} » n’existe pas dans « forms/ » : {hint}",
    "bad-form": "{why}",
    # --- properties
    "unknown-property": "La propriété « {name} » n’est pas connue {where} : les propriétés connues sont {known}.",
    "bad-property": "La propriété « {name} » vaut « {value} », mais doit être {expected}.",
    "repeated-property": "La propriété « {name} » est donnée deux fois : gardez-en une seule.",
    "no-silence-after": "La propriété « silence » demande aussi « silenceAfter », le délai au bout duquel le silence vaut décision (par exemple P2M).",
    "no-silence": "La propriété « {name} » demande aussi « silence » : « accept » (le silence vaut acceptation) ou « reject » (il vaut rejet).",
    "no-agenda": "La démarche propose un rendez-vous : ajoutez la propriété « agenda ».",
    "no-quota": "La propriété « quotaPeriod » demande aussi « quota », le nombre de places de chaque période.",
    "once-open": "La propriété « once » (une seule demande par personne) demande un compte : mettez la propriété « audience » à « locked ».",
    # --- the wizard
    "no-appointment": "L’étape « {node} » fait choisir un rendez-vous, que la démarche ne propose pas : ajoutez les propriétés « appointment » et « agenda ».",
    "no-appointment-step": "La démarche exige un rendez-vous : ajoutez une tâche de l’usager avec la propriété « step » à « appointment ».",
    "several-appointments": "La démarche a plusieurs étapes de rendez-vous : gardez-en une seule.",
    "appointment-form": "L’étape de rendez-vous « {node} » n’a pas de formulaire : retirez la propriété « formJsonSchemaFilename ».",
    "no-step": "La tâche « {node} » précède le récapitulatif mais n’est pas une étape : ajoutez la propriété « step » ({known}).",
    "misplaced-step": "La tâche « {node} » est une étape, mais vient après le récapitulatif ou n’est pas pour l’usager : retirez la propriété « step ».",
    "agent-before-filing": "La tâche « {node} » est pour des agents, mais vient avant le récapitulatif : la demande n’est pas encore déposée. Placez-la après.",
    "no-summary": "La démarche n’a pas de récapitulatif : ajoutez une tâche de l’usager avec la propriété « step » à « summary ».",
    "several-summaries": "La démarche a plusieurs récapitulatifs : gardez-en un seul.",
}  # fmt: skip

#: Every code the checker can give, with its sentence.
SENTENCES: Final[Mapping[str, str]] = {code: typeset(text) for code, text in _PLAIN.items()}
