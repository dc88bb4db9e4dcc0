"""Words of data made safe to show; escaping for HTML or Markdown comes on top."""

__all__ = ["clean", "plain"]

LONG = 2_000
# Spaces and joiners that French, Persian and Hindi are written with; they hide and turn nothing.
_KEPT = frozenset(" \u00a0\u202f\u200c\u200d\t")


def plain(text: object) -> str:
    """One line: control and direction signs are shown, not obeyed; half surrogates, which no file takes, too."""
    words = " ".join(str(text).splitlines())
    return "".join(sign if sign.isprintable() or sign in _KEPT else f"\\u{ord(sign):04x}" for sign in words)


def clean(text: object, limit: int = LONG) -> str:
    """Lines as they are, each :func:`plain`; overlong text is cut and says so."""
    whole = str(text)
    shown = "\n".join(plain(line) for line in whole[:limit].splitlines())
    return shown if len(whole) <= limit else f"{shown} … ({len(whole) - limit:,} more signs)"
