"""Transactions as a file."""

from tempfile import TemporaryFile

from django.contrib import messages
from django.http import FileResponse, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.kit.http import ActorRequest
from transactions.records.actions.exports import FileForm, UnusableFilter, export
from transactions.records.rules import columns as column_rules
from transactions.records.rules.filters import Asked, Filter
from transactions.records.views.asking import Question, understand


@require_http_methods(["GET", "POST"])
def export_file(request: ActorRequest) -> HttpResponse | FileResponse:
    """Hand out exactly the transactions of the filter, or those ticked, as CSV.

    The file is written before any of it is sent, so that it is whole, counted and in the
    audit log, and a slow reader holds no transaction open.
    """
    ticked = request.method == "POST" and request.POST.get("all") != "1"
    query = QueryDict(request.POST.get("query", "")) if request.method == "POST" else request.GET
    question = understand(request, query)
    ids = tuple(request.POST.getlist("ids"))
    if ticked and not ids:
        messages.error(request, _("Tick the transactions first."))
        return redirect(question.url)
    asked = question.asked
    if ticked:
        asked = Asked(Filter(references=ids), (("references", " ".join(ids)),))
    columns: tuple[str, ...] = column_rules.FILE_COLUMNS
    if query.get("columns") == "shown":
        columns = column_rules.exported(question.columns)
    return _file(request, question, asked, columns)


def _file(
    request: ActorRequest, question: Question, asked: Asked, columns: tuple[str, ...]
) -> HttpResponse | FileResponse:
    file = TemporaryFile()  # noqa: SIM115 - the response closes it when it has been sent
    try:
        done = export(
            actor=request.actor,
            asked=asked,
            form=FileForm.CSV,
            target=file,
            now=timezone.now(),
            columns=columns,
        )
    except UnusableFilter:
        file.close()
        messages.error(request, _("Put the filter right first: the file would hold too much."))
        return redirect(question.url)
    file.seek(0)
    response = FileResponse(
        file,
        as_attachment=True,
        filename=f"transactions-{question.today:%Y%m%d}-{done.rows}.csv",
        content_type="text/csv; charset=utf-8",
    )
    response["X-Rows"] = str(done.rows)
    return response
