"""The second check before what matters most."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.actions import factors, sessions
from portal.accounts.actions import step_up as actions
from portal.accounts.actor import PersonRequest
from portal.accounts.forms import StepUpForm
from portal.accounts.roles import STEP_UP
from portal.accounts.views.refusals import CARRIED_NEVER, safe_next, step_up_page
from portal.kit.actor import MissingPermission


@require_http_methods(["GET", "POST"])
def step_up(request: PersonRequest) -> HttpResponse:
    """Ask for a code, then go on to where the person wanted to be.

    Fields of a form that was refused for want of a proof travel along and are sent on with
    307, so nothing that was typed is lost.

    :raises MissingPermission: if the permission is not one that can be proven
    """
    permission = request.GET.get("permission", "")
    if permission not in STEP_UP or not request.actor.may(permission):
        raise MissingPermission(permission[:64])
    target = safe_next(request, request.GET.get("next", "")) or "/"
    form = StepUpForm(request.POST or None)
    carried = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in CARRIED_NEVER
        for value in values
    ]
    if form.is_valid() and _proven(request, form, permission):
        response: HttpResponse = redirect(target)
        if carried:
            response.status_code = 307
        return response
    status = 422 if request.method == "POST" else 200
    return step_up_page(request, form, permission, target, carried, status=status)


def _proven(request: PersonRequest, form: StepUpForm, permission: str) -> bool:
    row, now = request.session_row, timezone.now()
    if row is None:
        return False
    try:
        actions.prove(
            row,
            form.cleaned_data["step_up_code"],
            permission=permission,
            actor=request.actor,
            now=now,
        )
    except factors.CodeRefused as refused:
        form.add_error("step_up_code", refused.fault.label)
        return False
    request.session.cycle_key()
    sessions.rekey(row, key=request.session.session_key or "", now=now)
    return True
