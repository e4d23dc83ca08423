"""The name of a browser as its owner knows it: «Firefox sur Windows»."""

from __future__ import annotations

# The first that fits: each browser says that it is also those before it.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """What to call the browser that sends this User-Agent."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "Navigateur inconnu")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    return f"{browser} sur {system}" if system else browser
