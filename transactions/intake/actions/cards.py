"""Card tokens as the book keeps them: one card is one token, whoever reported it."""

from portal.kit.secrets import fingerprint


def keyed(token: str) -> str:
    """Return what stands for a card's token in every row: 64 hex digits, or "" for none.

    A token may be a bare hash of the number: beside six and four digits it is kept only
    under a key that is not in the database, and nothing else is derived from it.
    """
    return fingerprint(token, purpose="card token") if token else ""
