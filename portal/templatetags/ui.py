"""The components every page is made of. Pages choose words and order, never colours."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape

from django import template
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ImproperlyConfigured
from django.forms import BaseForm, BoundField
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from portal.kit.icons import icon_svg
from portal.kit.markup import markup

register = template.Library()

NOTHING = "–"

# The only place where a status meets a colour and a shape. What is missing is neutral.
TONES = {
    "ok": "ACTIVE ANSWERED CLEARED COMPLETED CONFIRMED DELIVERED DONE GENUINE GRANTED HEALTHY"
    " INSTALLED ISSUED MATCHED ONLINE OPEN_FOR_BUSINESS PAID PASSED POSTED RECEIVED RESOLVED"
    " RESTORED SEALED SETTLED SIGNED_IN SUCCEEDED VALID VERIFIED WON",
    "info": "ACCEPTED ANNOUNCED APPLIED APPROVED ASSIGNED AUTHORISED AUTHORIZED INVITED NEW OPEN"
    " ALLOCATED ENROLLED PLANNED PROVISIONED READY SCHEDULED STOCKED SUBMITTED",
    "busy": "CLAIMED IN_PROGRESS PREPARING PROCESSING RENDERING ROLLING RUNNING SENDING",
    "warn": "DEGRADED DISPUTED DUE ESCALATED HELD HOLD LATE MISSED NOT_SIGNED_IN ON_HOLD OVERDUE"
    " PARTIAL PAUSED PENDING QUARANTINED REVIEW SILENT SUSPENDED UNDER_REVIEW UNMATCHED WAITING"
    " WARNING MEDIUM",
    "bad": "BLOCKED BROKEN CLONED CRITICAL DECLINED DISABLED FAILED FAULT FORGED FRAUD HIGH"
    " INVALID LOST MISSING OFFLINE OVER_LIMIT REFUSED REJECTED REPORTED_STOLEN REVOKED STOLEN"
    " TAMPERED"
    " UNKNOWN",
}
TONE_OF = {code: tone for tone, codes in TONES.items() for code in codes.split()}
KNOWN_TONES = frozenset({*TONES, "mute"})
LAYOUTS = {
    "kpis": "grid kpis",
    "main": "grid main-side",
    "even": "grid main-side even",
    "halves": "grid halves",
    "thirds": "grid thirds",
    "stack": "stack",
}
NOTICE_ICONS = {"info": "info", "ok": "check", "warn": "alert", "bad": "alert"}
MESSAGE_TONES = {"success": "ok", "warning": "warn", "error": "bad"}
EMPTY_ICONS = {"none": "box", "nomatch": "search", "error": "alert"}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw one of our icons."""
    return icon_svg(name, str(label))


@lru_cache(maxsize=1024)
def _badge(tone: str, label: str) -> SafeString:
    return format_html('<span class="badge {}">{}</span>', tone, label)


@register.simple_tag
def badge(code: str, label: str = "", tone: str = "") -> SafeString:
    """Show a status: tone and shape follow from its code, its words from the label."""
    words = label or getattr(code, "label", str(code))
    return _badge(tone or TONE_OF.get(str(code).upper(), "mute"), str(words))


@register.simple_tag
def copy(value: str | int | None, label: str = "") -> SafeString | str:
    """Show a reference that people copy; the button comes with the pointer or the focus."""
    if value is None or value == "":
        return NOTHING
    css = "copy long" if len(str(value)) > 40 else "copy"  # noqa: PLR2004 - a digest must wrap
    said = f' title="{escape(label)}"' if label else ""
    text = escape(str(value))
    return markup(f'<span class="{css}" data-copy="{text}"{said}>{text}</span>')


@register.simple_tag
def card(first_six: str | None, last_four: str | None) -> SafeString | str:
    """Show a masked card: four asterisks, because middle dots turn wide in Chinese fonts."""
    if not last_four:
        return NOTHING
    masked = f"{(first_six or '')[:4]} **** {last_four}".strip()
    return markup(f'<span class="mono nowrap">{escape(masked)}</span>')


@register.simple_block_tag
def panel(
    content: str,
    *,
    title: str = "",
    note: str | int = "",
    more: str = "",
    more_url: str = "",
    tone: str = "",
    id: str = "",  # noqa: A002 - it becomes the attribute of this name
    flush: bool = False,
    narrow: bool = False,
) -> str:
    """Put content on a card; ``flush`` lets a table reach the edges, ``narrow`` suits forms."""
    return render_to_string(
        "components/panel.html",
        {
            "content": content,
            "title": title,
            "note": note,
            "more": more,
            "more_url": more_url,
            "css": " ".join(["panel", *(["flush"] * flush), *(["narrow"] * narrow), tone]).strip(),
            "id": id,
        },
    )


@register.simple_block_tag
def grid(content: str, layout: str) -> SafeString:
    """Arrange blocks side by side; on a phone they stack.

    :raises ImproperlyConfigured: if the layout has no such name
    """
    if layout not in LAYOUTS:
        raise ImproperlyConfigured(f"no layout {layout}")
    return format_html('<div class="{}">{}</div>', LAYOUTS[layout], content)


@register.simple_block_tag
def notice(content: str, tone: str = "info", title: str = "") -> str:
    """Say something beside the content that is not an answer to an action."""
    return _notice(tone, title, content)


@register.simple_tag
def toast(message: Message) -> str:
    """Show one message of the last action, with a button to put it away."""
    tone = MESSAGE_TONES.get(message.level_tag, "info")
    return _notice(tone, "", message.message, closable=True)


def _notice(tone: str, title: str, content: str, *, closable: bool = False) -> str:
    return render_to_string(
        "components/notice.html",
        {
            "tone": tone,
            "icon_name": NOTICE_ICONS[tone],
            "title": title,
            "content": content,
            "closable": closable,
        },
    )


@register.simple_tag
def field(
    bound: BoundField, hint: str = "", prefix: str = "", suffix: str = "", width: str = ""
) -> str:
    """Draw a form field: label above, hint, control, error below, all tied together."""
    if bound.is_hidden:
        return bound.as_hidden()
    help_text = hint or bound.help_text
    errors = list(bound.errors)
    described = [f"{bound.auto_id}_hint"] if help_text else []
    described += [f"{bound.auto_id}_error"] if errors else []
    attrs: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described else {}
    if errors:
        attrs["aria-invalid"] = "true"
    kind = "group" if bound.use_fieldset else bound.widget_type
    return render_to_string(
        "components/field.html",
        {
            "bound": bound,
            "widget": bound.as_widget(attrs=attrs),
            "kind": kind if kind in {"group", "checkbox"} else "text",
            "hint": help_text,
            "errors": errors,
            "described": attrs.get("aria-describedby", ""),
            "optional": not bound.field.required and kind not in {"checkbox", "group"},
            "prefix": prefix,
            "suffix": suffix,
            "css": f"field w-{width}" if width else "field",
        },
    )


@register.simple_tag
def error_summary(form: BaseForm) -> str:
    """List what must be put right, first in the form and focused, each linked to its field."""
    if not form.errors:
        return ""
    errors: list[tuple[BoundField | None, str]] = []
    errors += [(None, str(text)) for text in form.non_field_errors()]
    for bound in form:
        errors += [(None if bound.is_hidden else bound, str(text)) for text in bound.errors]
    return render_to_string("components/error_summary.html", {"errors": errors})


@register.simple_block_tag
def form_actions(content: str) -> SafeString:
    """Hold the buttons at the end of a form."""
    return format_html('<div class="form-actions">{}</div>', content)


@register.simple_block_tag
def empty(content: str, kind: str, text: str, title: str = "") -> str:
    """Say that there is nothing to show, why, and one next step."""
    return render_to_string(
        "components/empty.html",
        {
            "content": content,
            "kind": kind,
            "icon_name": EMPTY_ICONS[kind],
            "title": title,
            "text": text,
        },
    )


@register.simple_block_tag
def dl(content: str) -> SafeString:
    """Hold pairs of a name and its value."""
    return format_html('<dl class="dl">{}</dl>', content)


@register.simple_block_tag
def item(content: str, label: str) -> SafeString:
    """Name one value of a definition list."""
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, content)


@register.inclusion_tag("components/timeline.html")
def timeline(entries: Sequence[object]) -> dict[str, object]:
    """Tell what happened in order: each entry has ``at`` and ``title``."""
    return {"entries": entries}


@register.inclusion_tag("components/attention.html")
def attention(items: Sequence[object]) -> dict[str, object]:
    """List what waits for the reader: each item has tone, title, url and note."""
    return {"items": items}


@register.inclusion_tag("components/steps.html")
def steps(items: Sequence[object]) -> dict[str, object]:
    """Show where in a sequence of pages the reader is: label and state (done, now, todo)."""
    return {"items": items}


@register.inclusion_tag("components/job.html")
def job_card(job: object) -> dict[str, object]:
    """Show the progress of a piece of work; it asks again each second while running."""
    return {"job": job}


@register.simple_block_tag(takes_context=True)
def confirm(
    context: template.Context,
    content: str,
    *,
    title: str,
    verb: str,
    action: str,
    cancel: str,
    text: str = "",
    danger: bool = False,
) -> str:
    """Ask before something is done: the title names the object, the button repeats the verb."""
    return render_to_string(
        "components/confirm.html",
        {
            "content": content,
            "title": title,
            "text": text,
            "verb": verb,
            "action": action,
            "cancel": cancel,
            "css": "btn danger" if danger else "btn primary",
            "csrf_token": context["csrf_token"],
        },
    )


@register.simple_block_tag
def dialog(content: str, id: str, title: str) -> SafeString:  # noqa: A002 - the attribute's name
    """Hold a dialog that a link with ``data-open`` raises."""
    return format_html(
        '<dialog id="{0}" aria-labelledby="{0}-title"><h2 id="{0}-title">{1}</h2>{2}</dialog>',
        id,
        title,
        content,
    )


@register.simple_tag
def close_button() -> SafeString:
    """Draw the button that closes the dialog around it."""
    return format_html(
        '<button type="button" class="btn quiet" data-close>{}</button>', gettext("Cancel")
    )


@register.simple_tag
def tick(*, yes: bool) -> SafeString:
    """Show a yes or a no of a rights table, said as well as drawn."""
    if yes:
        return icon_svg("check", gettext("Yes"))
    return format_html('<span class="sub">{}</span>', gettext("No"))
