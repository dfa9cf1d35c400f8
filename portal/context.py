"""What the shell of every page needs to know."""

from django.http import HttpRequest

from portal.accounts.shell import Shell, shell_for


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Give templates ``shell``: navigation, who is signed in, language and theme."""
    return {"shell": shell_for(request)}
