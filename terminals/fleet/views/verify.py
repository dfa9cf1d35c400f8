"""Is this serial number genuine?"""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.kit.http import ActorRequest
from portal.limits.actions import OverLimit
from terminals.fleet.actions.verification import Answer, CardNumberGiven
from terminals.fleet.actions.verification import verify as ask
from terminals.fleet.forms import VerifyForm
from terminals.fleet.rules.verdict import ADVICE, GOOD, Verdict

TONES = {
    Verdict.GENUINE: "ok",
    Verdict.GENUINE_UNPROVEN: "info",
    Verdict.GENUINE_NOT_ACTIVATED: "info",
    Verdict.SUSPENDED: "warn",
}


@require_http_methods(["GET", "POST"])
def verify(request: ActorRequest) -> HttpResponse:
    """Ask for a serial number and say what is known about it."""
    if request.method == "GET":
        return _page(request, VerifyForm(initial={"serial": request.GET.get("serial", "")[:80]}))
    form = VerifyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    data = form.cleaned_data
    try:
        answer = ask(
            data["serial"],
            actor=request.actor,
            now=timezone.now(),
            maker=data["maker"],
            model=data["model"],
        )
    except CardNumberGiven:
        form = VerifyForm()
        refused = _("That is a card number. It was not kept. Type the serial number instead.")
        return _page(request, form, refused=refused, status=422)
    except OverLimit as over:
        words = {"seconds": over.retry_after_seconds}
        refused = _("60 checks a minute are the limit. Try again in %(seconds)s s.") % words
        response = _page(request, form, refused=refused, status=429)
        response["Retry-After"] = str(over.retry_after_seconds)
        return response
    return _page(request, form, answer=answer)


def _page(
    request: ActorRequest,
    form: VerifyForm,
    *,
    answer: Answer | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    page: dict[str, object] = {"form": form, "refused": refused, "answer": answer}
    if answer is not None:
        verdict = answer.judgement.verdict
        page |= {
            "verdict": verdict,
            "tone": TONES.get(verdict, "bad"),
            "notice_tone": "ok" if verdict in GOOD else TONES.get(verdict, "bad"),
            "advice": ADVICE[verdict],
            "confidence": answer.judgement.confidence,
        }
    return render(request, "terminals/fleet/verify.html", page, status=status)
