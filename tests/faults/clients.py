"""Residents who file requests and answer, agents who take tasks and decide: over HTTP, as browsers do.

What is answered as done goes into the record. What got no answer is sent again as it was; then it may be told that it was done
already, which acknowledges nothing.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from tests.faults import talk
from tests.faults.browser import Answer, Browser, File, GaveUp

SLUG = "essai-de-pannes"
GROUP = "Essais"
# Residents who have so many requests under way wait for an answer: agents keep up.
_AT_A_TIME = 3
# Three steps, and the stale pages of one whose answers were lost.
_STEPS_MAX = 12
_GIVEN = re.compile(r'name="preuve" value="([0-9a-f-]{36})"')
# A page and nothing on it; each is given a comment of its own.
PDF = b"""%PDF-1.4
%said
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""
_OVER = ("Demande acceptée", "Demande refusée")
_TO_DO = re.compile(r'href="(/demandes/[^"]+/a-faire/([0-9a-f-]{36}))"')
_TASK = re.compile(r'agent-reference" href="/agents/taches/([0-9a-f-]{36})[^"]*">([^<]+)<')
_ANSWERED = "Votre réponse est enregistrée"


def start(act: Callable[[Browser], None], browsers: Sequence[Browser], name: str) -> list[threading.Thread]:
    """Let everybody act in a thread each, until their browser is told to close."""
    threads = [
        threading.Thread(target=_be, args=(act, browser), name=f"{name} {number}", daemon=True)
        for number, browser in enumerate(browsers, 1)
    ]
    for thread in threads:
        thread.start()
    return threads


def _be(act: Callable[[Browser], None], browser: Browser) -> None:
    try:
        act(browser)
    except GaveUp as gave_up:
        browser.record.surprise(f"gave up on {gave_up}")
    except Exception as error:
        browser.record.surprise(f"{threading.current_thread().name}: {type(error).__name__}: {error}")
    finally:
        browser.close()


# --- residents -------------------------------------------------------------------------------------------------------------


def resident(browser: Browser) -> None:
    """File requests, and answer some of what they are asked afterwards; finish the one at hand before closing."""
    followed: list[str] = []
    left_alone: set[str] = set()
    name = threading.current_thread().name.replace(" ", "-")
    filed = said = 0
    while not browser.closing.is_set():
        if len(followed) < _AT_A_TIME:
            filed += 1
            reference = _file(browser, f"{name}-{filed}")
            followed += [reference] if reference else []
        followed = [one for one in followed if not _look_after(browser, one, left_alone)]
        if followed and browser.choice.random() < 0.25:
            said += 1
            talk.write(browser, browser.choice.choice(followed), f"{name} says {said}")
        time.sleep(browser.choice.uniform(0.1, 0.5))


def _file(browser: Browser, said: str) -> str | None:
    """Open a draft, or go on with the one there is, and file it: its reference, or None when it went wrong."""
    page = browser.get(f"/demarches/{SLUG}")
    if page.status != 200:
        browser.record.surprise(f"{page.status} on the page of the procedure")
        return None
    answer = browser.post(page.path, {})
    where = answer.location
    if answer.status != 303 or "/etapes/" not in where:
        browser.record.surprise(f"{answer.status} {where} when a draft was opened")
        return None
    reference = where.split("/")[2]
    browser.record.ack("open", reference)
    for _ in range(_STEPS_MAX):
        page = browser.get(where)
        if "/etapes/" not in page.path:
            # Filed already, by a request whose answer never came.
            return reference
        where, element = page.path, page.path.rpartition("/")[2]
        answers: dict[str, str | list[str]] = {**_answers(element, said)}
        if element == "ma_demande" and browser.choice.random() < 0.6:
            answers["preuve"] = _upload(browser, where, reference, answers, said)
        answer = browser.post(where, answers)
        if answer.status != 303:
            browser.record.surprise(f"{answer.status} on {where}: {_beginning(answer)}")
            return None
        if answer.location.endswith("/confirmation"):
            browser.record.ack("file", reference)
            return reference
        where = _recorded(browser, reference, element, said, answer)
    browser.record.surprise(f"{reference} goes round in circles at {where}")
    return None


def _upload(
    browser: Browser, where: str, reference: str, answers: Mapping[str, str | list[str]], said: str
) -> list[str]:
    """Join a file before the step is validated; the ids of the files that the page then shows."""
    content = PDF.replace(b"%said", f"%{said}".encode())
    sent = File("preuve-files", f"{said}.pdf", content)
    answer = browser.post(where, {**answers, "_action": "attach:preuve"}, sent)
    ids = _GIVEN.findall(answer.text)
    if answer.status == 200 and ids:
        # Sent again without an answer, it may be there once more, and the page names the last one.
        browser.record.ack("upload", reference, ids[-1], hashlib.sha256(content).hexdigest())
    elif answer.status == 303:
        browser.record.meet("stale step")
    else:
        browser.record.surprise(f"{answer.status} when a file was joined to {where}: {_beginning(answer)}")
    return ids


def _recorded(browser: Browser, reference: str, element: str, said: str, answer: Answer) -> str:
    """Note what the answer to a step acknowledges; where to go next."""
    if f"/demandes/{reference}/etapes/" in answer.location and answer.location != answer.path:
        browser.record.ack("step", reference, element, said)
        return answer.location
    if answer.location == f"/demandes/{reference}":
        browser.record.meet("stale step")
    else:
        browser.record.surprise(f"{answer.location} after {answer.path}")
    return f"/demandes/{reference}/etapes/{element}"


def _answers(element: str, said: str) -> dict[str, str]:
    if element == "mes_informations":
        return {"courriel": f"{said}@exemple.fr"}
    if element == "ma_demande":
        # One vehicle a request: the second right for the same one would be refused.
        return {"objet": said, "immatriculation": said.replace("resident-", "PV")}
    return {"certifie": "true"}


def _look_after(browser: Browser, reference: str, left_alone: set[str]) -> bool:
    """Answer what the request asks, or leave it to the timer; whether the request is over."""
    page = browser.get(f"/demandes/{reference}/suivi").text
    for path, task_id in _TO_DO.findall(page):
        if task_id in left_alone:
            continue
        left_alone.add(task_id)
        if browser.choice.random() < 0.6:
            _answer(browser, path, reference, task_id)
    return any(end in page for end in _OVER)


def _answer(browser: Browser, path: str, reference: str, task_id: str) -> None:
    if browser.get(path).path != path:
        return
    answer = browser.post(path, {"reponse": "Voilà."})
    if answer.status != 303:
        browser.record.surprise(f"{answer.status} on {path}: {_beginning(answer)}")
    elif _ANSWERED in browser.get(answer.location).text:
        browser.record.ack("answer", reference, task_id)
    else:
        browser.record.meet("stale task")


# --- agents ----------------------------------------------------------------------------------------------------------------


def agent(browser: Browser) -> None:
    """Take tasks of the queue and decide, some late; go on until told to close, and then decide without asking for more."""
    answered = 0
    while not browser.closing.is_set():
        if browser.choice.random() < 0.2:
            answered += 1
            talk.answer(browser, f"{threading.current_thread().name} answers {answered}")
        found = _TASK.findall(browser.get("/agents/corbeilles").text)
        if not found:
            time.sleep(0.3)
            continue
        _decide(browser, *browser.choice.choice(found[:12]))


def _decide(browser: Browser, task_id: str, reference: str) -> None:
    path = f"/agents/taches/{task_id}"
    if browser.get(path).status != 200:
        return
    claimed = browser.post(f"{path}/prise-en-charge", {})
    if claimed.status != 303:
        browser.record.meet(f"{claimed.status} on a claim")
        time.sleep(0.1)
        return
    browser.record.ack("claim", reference, task_id)
    if browser.choice.random() < 0.2:
        # Long enough for the reminder.
        browser.closing.wait(5)
    decision = browser.choice.choices(("accepter", "refuser", "completer"), (5, 2, 4))[0]
    answer = browser.post(path, {"decision": decision})
    if answer.status == 303 and answer.location.startswith("/agents/corbeilles"):
        browser.record.ack("decide", reference, task_id, decision)
    elif answer.status == 409 and answer.again:
        browser.record.meet("stale task")
    else:
        browser.record.surprise(f"{answer.status} {answer.location} on {path}: {_beginning(answer)}")


def _beginning(answer: Answer) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
    return " ".join(found[1].split()) if found else answer.text[:200]
