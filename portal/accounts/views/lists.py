"""What a person keeps about a list: columns, density, saved views."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.accounts.actions import lists, preferences
from portal.accounts.actor import PersonRequest
from portal.accounts.forms import ListPreferenceForm, SaveViewForm
from portal.accounts.models import SavedView
from portal.accounts.views.refusals import safe_next

LONGEST_NAME = 32


@require_POST
def columns(request: PersonRequest, list_name: str) -> HttpResponse:
    """Keep columns and density."""
    form = ListPreferenceForm(request.POST)
    if form.is_valid():
        preferences.arrange_list(
            list_name[:LONGEST_NAME],
            columns=request.POST.getlist("columns"),
            compact=form.cleaned_data["density"] == "compact",
            actor=request.actor,
            now=timezone.now(),
        )
    return _back(request)


@require_POST
def save(request: PersonRequest, list_name: str) -> HttpResponse:
    """Keep the present filters under a name."""
    form = SaveViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the view a name of at most 60 characters."))
        return _back(request)
    try:
        view = lists.save_view(
            list_name[:LONGEST_NAME],
            columns=request.POST.getlist("columns"),
            actor=request.actor,
            now=timezone.now(),
            **form.cleaned_data,
        )
    except lists.TooManyViews:
        messages.error(request, _("You keep 50 views of this list already. Delete one first."))
    else:
        messages.success(request, _("View %(name)s saved.") % {"name": view.name})
    return _back(request)


@require_POST
def delete(request: PersonRequest, list_name: str, slug: str) -> HttpResponse:
    """Forget a view.

    :raises Http404: if the person has no such view
    """
    try:
        lists.delete_view(list_name, slug, actor=request.actor, now=timezone.now())
    except SavedView.DoesNotExist as nothing:
        raise Http404 from nothing
    messages.success(request, _("View deleted."))
    return _back(request)


def _back(request: PersonRequest) -> HttpResponse:
    return redirect(safe_next(request, request.POST.get("next", "")) or "/")
