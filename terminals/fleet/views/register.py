"""The makers' register: what it holds, and taking a list into it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from portal.kit.downloads import csv_blocks, streamed
from portal.kit.http import ActorRequest, found_or_404
from portal.kit.lifecycle import IllegalMove, LostRace
from portal.kit.scope import scope_of
from terminals.fleet import queries
from terminals.fleet.actions import registry
from terminals.fleet.forms import UploadForm
from terminals.fleet.rules.maker_lists import Unreadable, explain

REMARKS_SHOWN = 100


@require_GET
def register(request: ActorRequest) -> HttpResponse:
    """Show what the register holds and which lists it came from."""
    return _page(request, UploadForm(), status=200)


@require_POST
def hand_in(request: ActorRequest) -> HttpResponse:
    """Read a list and go to its preview."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    file = form.cleaned_data["file"]
    try:
        handed = registry.hand_in(
            actor=request.actor,
            file_name=file.name,
            content=file.read(),
            maker=form.cleaned_data["maker"],
            now=timezone.now(),
        )
    except Unreadable as bad:
        form.add_error("file", explain(bad))
        return _page(request, form, status=422)
    return redirect("terminals:register-preview", handed.pk)


@require_GET
def preview(request: ActorRequest, import_id: UUID) -> HttpResponse:
    """Show what a list would change, or changed."""
    handed = found_or_404(queries.get_import, request.actor, import_id)
    remarks = registry.read_remarks(handed)
    page = {
        "handed": handed,
        "remarks": remarks[:REMARKS_SHOWN],
        "noted": len(remarks),
        "hidden": max(0, len(remarks) - REMARKS_SHOWN),
        "takes": handed.new + handed.changed,
        "open": handed.imported_at is None and request.actor.may("registry.import"),
    }
    return render(request, "terminals/fleet/register_preview.html", page)


@require_POST
def take_in(request: ActorRequest, import_id: UUID) -> HttpResponse:
    """Take the list into the register."""
    handed = found_or_404(queries.get_import, request.actor, import_id)
    try:
        handed = registry.take_in(handed, actor=request.actor, now=timezone.now())
    except (IllegalMove, LostRace):
        messages.info(request, _("This list was imported before; nothing was changed again."))
    else:
        text = ngettext(
            "%(file)s imported: %(count)s new serial number.",
            "%(file)s imported: %(count)s new serial numbers.",
            handed.new,
        )
        named = {"file": handed.file_name, "count": f"{handed.new:,}"}
        messages.success(request, text % named)
    return redirect("terminals:register-preview", import_id)


@require_GET
def remarks_file(request: ActorRequest, import_id: UUID) -> StreamingHttpResponse:
    """Download what was refused or flagged, line by line."""
    handed = found_or_404(queries.get_import, request.actor, import_id)
    rows = (
        (remark.line, remark.code.value, remark.code.label, remark.cell)
        for remark in registry.read_remarks(handed)
    )
    heading = (_("Line"), _("Code"), _("Reason"), _("Cell"))
    return streamed(
        csv_blocks(heading, rows),
        scope=scope_of(request.actor),
        filename=f"register-{handed.handed_in_at:%Y%m%d-%H%M}-remarks.csv",
        content_type="text/csv; charset=utf-8",
    )


def _page(request: ActorRequest, form: UploadForm, *, status: int) -> HttpResponse:
    page = {
        "form": form,
        "makers": queries.count_register(request.actor),
        "imports": queries.list_imports(request.actor),
        "may_import": request.actor.may("registry.import"),
    }
    return render(request, "terminals/fleet/register.html", page, status=status)
