"""The list of transactions: a page, the table alone, and its pulse."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from portal.kit.http import ActorRequest
from portal.kit.paging import BadCursor
from transactions.records.actions.searches import note_card_search
from transactions.records.forms import said
from transactions.records.rules.filters import Problem, parse
from transactions.records.views.asking import Question, own_parameters, understand
from transactions.records.views.context import canonical, list_context, mark

NOTHING_NEW = 204


@require_GET
def list_page(request: ActorRequest) -> HttpResponse:
    """Show the transactions that were asked for; to htmx their table alone.

    :raises Http404: if the page is not one of this list
    """
    question = understand(request)
    problems = dict(question.asked.problems.values())
    if Problem.FULL_CARD_NUMBER in problems and not request.htmx:
        # the number must leave the address bar too
        messages.error(request, said(Problem.FULL_CARD_NUMBER, ""))
        return redirect(question.url)
    if question.cursor is None:
        note_card_search(actor=request.actor, asked=question.asked, now=timezone.now())
    try:
        return _answer(request, question)
    except BadCursor as foreign:
        raise Http404 from foreign


@require_GET
def newest(request: ActorRequest) -> HttpResponse:
    """Answer the table anew if anything came in since ``mark``, else nothing at all."""
    actor, given = request.actor, request.GET
    asked = parse(own_parameters(given, actor), today=timezone.localdate())
    if given.get("mark") == str(mark(actor, asked.filter, today=timezone.localdate())):
        return HttpResponse(status=NOTHING_NEW)
    return _answer(request, understand(request), push=False)


def _answer(request: ActorRequest, question: Question, *, push: bool = True) -> HttpResponse:
    context = list_context(request, question)
    request.GET = canonical(question)  # type: ignore[assignment]  # never written to
    request.path = reverse("transactions:list")  # also where the pulse asks
    if not request.htmx:
        return render(request, "transactions/records/page.html", context)
    context["swapped"] = True
    response = render(request, "transactions/records/_list.html", context)
    if push:
        response["HX-Push-Url"] = question.url
    return response
