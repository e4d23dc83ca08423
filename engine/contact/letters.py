"""What an e-mail about a request looks like: its paragraphs, the way to the request, who writes; as text and as HTML (D3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from engine.core import config

_NBSP = "\u00a0"
_SECRET = f"Ce lien est personnel{_NBSP}: ne le transmettez pas.\n"
_STYLE = {
    "body": "margin:0;background:#f3f2f1;font-family:Arial,Helvetica,sans-serif;color:#0b0c0c",
    "sheet": "max-width:600px;margin:0 auto;background:#ffffff",
    "head": "padding:16px 24px;color:#ffffff;font-size:18px;font-weight:bold",
    "part": "padding:24px;font-size:16px;line-height:1.5",
    "paragraph": "margin:0 0 16px",
    "button": "display:inline-block;padding:12px 20px;color:#ffffff;font-weight:bold;text-decoration:none",
    "foot": "padding:16px 24px;border-top:1px solid #b1b4b6;font-size:14px;line-height:1.5;color:#505a5f",
}


def text(body: str, *, reference: str, link: str | None, answer: bool = False) -> str:
    """The message as text, with the way to the request when there is one; `answer` says that answers by e-mail are welcome."""
    follow = f"Suivre votre demande{_NBSP}:\n{link}\n{_SECRET if _opens(link) else ''}\n" if link else ""
    return f"{body}\n\n{follow}" + "\n".join(_foot(reference, answer=answer))


def html(
    subject: str, parts: Sequence[tuple[str, str]], *, reference: str, link: str | None, answer: bool = False
) -> str:
    """The same as HTML: a sheet that every mail reader shows alike, nothing fetched from anywhere.

    `parts` are titles (empty for a message alone) and texts.
    """
    city = config.current().city
    colour = city.brand_colour if re.fullmatch(r"#[0-9a-fA-F]{6}", city.brand_colour) else "#164a7b"
    sheet = []
    for title, body in parts:
        if title:
            sheet.append(f'<h2 style="font-size:18px;margin:0 0 8px">{escape(title)}</h2>')
        sheet += [_paragraph(one) for one in re.split(r"\n\s*\n", body.strip())]
    if link:
        sheet.append(
            f'<p style="{_STYLE["paragraph"]}"><a href="{escape(link)}" style="{_STYLE["button"]};background:{colour}">'
            f"Suivre votre demande</a></p>{_paragraph(_SECRET) if _opens(link) else ''}"
        )
    return (
        '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(subject)}</title></head><body style="{_STYLE["body"]}"><div style="{_STYLE["sheet"]}">'
        f'<div style="{_STYLE["head"]};background:{colour}">{escape(city.name)}</div>'
        f'<div style="{_STYLE["part"]}"><h1 style="font-size:22px;margin:0 0 16px">{escape(subject)}</h1>{"".join(sheet)}</div>'
        f'<div style="{_STYLE["foot"]}">{"<br>".join(escape(line) for line in _foot(reference, answer=answer) if line)}</div>'
        "</div></body></html>"
    )


def _opens(link: str) -> bool:
    """Whether an address opens the request to whoever has it; the others ask to sign in."""
    return "/demandes/" not in urlsplit(link).path


def _paragraph(body: str) -> str:
    return f'<p style="{_STYLE["paragraph"]}">{"<br>".join(escape(line) for line in body.splitlines())}</p>'


def _foot(reference: str, *, answer: bool) -> tuple[str, ...]:
    city = config.current().city
    last = (
        "Vous pouvez répondre à ce courriel\u00a0: votre réponse rejoindra l’échange."
        if answer
        else "Ceci est un courriel automatisé, merci de ne pas y répondre."
    )
    return (f"Référence de votre demande{_NBSP}: {reference}", city.name, "", last)
