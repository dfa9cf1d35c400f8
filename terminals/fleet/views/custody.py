"""Pages that suspend and reinstate a terminal, or give it a new activation code."""

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.kit.http import ActorRequest, found_or_404
from portal.kit.lifecycle import IllegalMove, LostRace
from terminals.fleet import queries
from terminals.fleet.actions import custody, sheets
from terminals.fleet.forms import KeyForm, ReinstateForm, SuspendForm
from terminals.fleet.models import Terminal, TerminalStatus


@require_http_methods(["GET", "POST"])
def suspend(request: ActorRequest, serial: str) -> HttpResponse:
    """Ask why, then suspend."""
    terminal = found_or_404(queries.get_terminal, request.actor, serial)
    form = SuspendForm(_sent(request))
    page = {"terminal": terminal, "form": form}
    if request.method == "GET":
        return render(request, "terminals/fleet/suspend.html", page)
    if not form.is_valid():
        return render(request, "terminals/fleet/suspend.html", page, status=422)
    try:
        custody.suspend(terminal, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except (IllegalMove, LostRace):
        _say_where(request, terminal)
    else:
        messages.success(request, _("Terminal %(serial)s suspended.") % {"serial": serial})
    return redirect("terminals:detail", serial)


@require_http_methods(["GET", "POST"])
def reinstate(request: ActorRequest, serial: str) -> HttpResponse:
    """Ask why, then reinstate."""
    terminal = found_or_404(queries.get_terminal, request.actor, serial)
    form = ReinstateForm(_sent(request))
    page = {"terminal": terminal, "form": form}
    if request.method == "GET":
        return render(request, "terminals/fleet/reinstate.html", page)
    if not form.is_valid():
        return render(request, "terminals/fleet/reinstate.html", page, status=422)
    try:
        custody.reinstate(terminal, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except (IllegalMove, LostRace):
        _say_where(request, terminal)
    else:
        messages.success(
            request,
            _("Terminal %(serial)s reinstated. It must sign in again.") % {"serial": serial},
        )
    return redirect("terminals:detail", serial)


@require_http_methods(["GET", "POST"])
def issue_code(request: ActorRequest, serial: str) -> HttpResponse:
    """Confirm, then show a new activation code; the one before it is void."""
    terminal = found_or_404(queries.get_terminal, request.actor, serial)
    form = KeyForm(_sent(request))
    if request.method == "GET" or not form.is_valid():
        page = {"terminal": terminal, "form": form}
        status = 200 if request.method == "GET" else 422
        return render(request, "terminals/fleet/issue_code.html", page, status=status)
    try:
        sheet = sheets.reissue_once(
            form.cleaned_data["key"], terminal=terminal, actor=request.actor, now=timezone.now()
        )
    except IllegalMove:
        _say_where(request, terminal)
        return redirect("terminals:detail", serial)
    return redirect("terminals:codes", sheet.pk)


def _sent(request: ActorRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _say_where(request: ActorRequest, terminal: Terminal) -> None:
    terminal = queries.get_terminal(request.actor, terminal.serial)
    status = TerminalStatus(terminal.status).label
    messages.error(
        request,
        _("Nothing was changed: terminal %(serial)s is now in the state “%(status)s”.")
        % {"serial": terminal.serial, "status": status},
    )
