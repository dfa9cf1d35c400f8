"""A day on paper: asked for here, made by a worker, handed out by the page of the job."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from merchants.profiles.models import Merchant
from portal.kit.http import ActorRequest
from transactions.reports.actions import ask_for_day
from transactions.reports.forms import DayForm


@require_POST
def day_summary(request: ActorRequest) -> HttpResponse:
    """Ask for the summary of a day and go to where it is being made.

    :raises Http404: if there is no such merchant
    """
    form = DayForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a day, and a merchant number where you see many."))
        return redirect("transactions:overview")
    try:
        job = ask_for_day(
            actor=request.actor,
            merchant_code=form.cleaned_data["merchant"],
            on=form.cleaned_data["on"],
            now=timezone.now(),
        )
    except Merchant.DoesNotExist as nothing:
        raise Http404 from nothing
    return redirect("jobs:detail", job.pk)
