"""Lists: the state is the URL, the form works without JavaScript, filters are removable chips."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from django import template
from django.forms import BaseForm, BoundField, MultipleChoiceField
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from portal.kit.icons import icon_svg
from portal.kit.markup import markup

register = template.Library()

CURSOR = "cursor"
SORT = "sort"


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a filter menu."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in force and the address of the list without it."""

    label: str
    url: str


def address(path: str, query: QueryDict) -> str:
    """Write a path with its query, or alone when nothing is asked."""
    return f"{path}?{query.urlencode()}" if query else path


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several views of a list, with how many rows it holds where that is cheap to say."""

    label: str
    url: str
    active: bool
    count: int | None = None


@register.inclusion_tag("components/tabs.html")
def tabs(items: Sequence[object], label: str) -> dict[str, object]:
    """Link pages or saved views that belong together; one of them is current."""
    return {"items": items, "label": label}


@register.inclusion_tag("components/segments.html")
def segments(items: Sequence[object], label: str) -> dict[str, object]:
    """Join a few short choices, such as periods; an item's ``key`` is its chord."""
    return {"items": items, "label": label}


@register.simple_block_tag
def filters(
    content: str,
    action: str,
    target: str = "#list",
    keep: Iterable[tuple[str, str]] = (),
) -> str:
    """Hold the filters of a list: a plain GET form, live where there is JavaScript.

    ``keep`` are pairs that a new filter must not lose, such as the order or the view.
    """
    context = {"content": content, "action": action, "target": target, "keep": list(keep)}
    return render_to_string("components/filters.html", context)


@register.inclusion_tag("components/filter_search.html")
def filter_search(bound: BoundField, placeholder: str = "") -> dict[str, object]:
    """Draw the one search box of a list; the slash key focuses it."""
    return {
        "bound": bound,
        "value": bound.value() or "",
        "placeholder": placeholder or bound.label,
    }


@register.simple_tag
def filter_text(bound: BoundField, placeholder: str = "") -> SafeString:
    """Draw a short input in the filter bar, named by its placeholder and to screen readers."""
    attrs: dict[str, str | bool] = {
        "class": "short",
        "placeholder": placeholder or str(bound.label),
        "aria-label": str(bound.label),
    }
    return bound.as_widget(attrs=attrs)


@register.inclusion_tag("components/filter_menu.html")
def filter_menu(bound: BoundField) -> dict[str, object]:
    """Draw the choices of a field as a menu: boxes where many may hold, else one of them."""
    many = isinstance(bound.field, MultipleChoiceField)
    chosen = _chosen(bound.value())
    options = [Option(value, label, value in chosen) for value, label in _choices(bound)]
    if not many and all(option.value for option in options):
        options.insert(0, Option("", gettext("Any"), not chosen))
    used = sum(option.chosen and bool(option.value) for option in options)
    return {
        "bound": bound,
        "kind": "checkbox" if many else "radio",
        "options": options,
        "count": used or "",
    }


@register.inclusion_tag("components/filter_range.html")
def filter_range(*bounds: BoundField, label: str) -> dict[str, object]:
    """Draw two or more inputs, such as from and to, in a menu of the filter bar."""
    return {"bounds": bounds, "label": label, "count": sum(bool(b.value()) for b in bounds) or ""}


@register.inclusion_tag("components/columns_menu.html", takes_context=True)
def columns_menu(
    context: template.Context, columns: Sequence[object], action: str, density: str = "normal"
) -> dict[str, object]:
    """Let a person choose columns and row height, kept for them on the server."""
    return {
        "columns": columns,
        "action": action,
        "density": density,
        "next": context["request"].get_full_path(),
        "csrf_token": context["csrf_token"],
    }


@register.inclusion_tag("components/chips.html")
def chips(form: BaseForm, clear_url: str, skip: str = "") -> dict[str, object]:
    """Show each filter in force as a chip that removes it, then one link that removes all.

    ``form`` is bound to the query; ``skip`` names fields, with commas, that are not filters.
    """
    query = form.data if isinstance(form.data, QueryDict) else QueryDict()
    left_out = {SORT, CURSOR, *skip.split(",")}
    found = [
        Chip(label, _without(query, bound.html_name, value, clear_url))
        for bound in form
        if bound.name not in left_out and not bound.is_hidden
        for value, label in _in_force(bound, query)
    ]
    return {"chips": found, "clear_url": clear_url}


def _in_force(bound: BoundField, query: QueryDict) -> Iterator[tuple[str, str]]:
    labels = dict(_choices(bound))
    for value in query.getlist(bound.html_name):
        if not value.strip():
            continue
        if labels:
            yield value, labels.get(value, value)
        elif bound.widget_type == "checkbox":
            yield value, str(bound.label)
        else:
            named = {"label": bound.label, "value": value}
            yield value, gettext("%(label)s: %(value)s") % named


def _without(query: QueryDict, name: str, value: str, path: str) -> str:
    rest = query.copy()
    rest.setlist(name, [kept for kept in rest.getlist(name) if kept != value])
    rest.pop(CURSOR, None)
    for empty in [key for key in rest if not any(rest.getlist(key))]:
        del rest[empty]
    return address(path, rest)


def _choices(bound: BoundField) -> list[tuple[str, str]]:
    choices = getattr(bound.field, "choices", ())
    return [(str(value), str(label)) for value, label in choices]


def _chosen(value: object) -> set[str]:
    if value is None or value == "":
        return set()
    if isinstance(value, (list, tuple)):
        return {str(one) for one in value}
    return {str(value)}


@register.inclusion_tag("components/th.html", takes_context=True)
def th(
    context: template.Context, label: str, sort: str = "", current: str = "", cls: str = ""
) -> dict[str, object]:
    """Head a column; with ``sort`` its name is a link that orders the list by it."""
    ascending, descending = current == sort, current == f"-{sort}"
    url = ""
    if sort:
        query = context["request"].GET.copy()
        query.pop(CURSOR, None)
        query[SORT] = sort if descending else f"-{sort}"
        url = address(context["request"].path, query)
    return {
        "label": label,
        "url": url,
        "cls": cls,
        "order": ("ascending" if ascending else "descending" if descending else "")
        if sort
        else "",
    }


@register.simple_tag
def th_select(form: str = "bulk") -> SafeString:
    """Head the column of boxes; its own box ticks the page."""
    return format_html(
        '<th class="sel"><input type="checkbox" data-all form="{}" aria-label="{}"></th>',
        f"{form}-none",
        gettext("Select all on this page"),
    )


@register.simple_tag
def td_select(value: str | int, form: str = "bulk") -> SafeString:
    """Draw the box of one row; it belongs to the form of the bulk bar."""
    return markup(box(str(value), gettext("Select %(row)s"), form))


def box(value: str, label: str, form: str = "bulk") -> str:
    """Write the box of one row as HTML; ``label`` has a place for the row's name."""
    said = escape(label % {"row": value})
    return (
        f'<td class="sel"><input type="checkbox" name="ids" value="{escape(value)}"'
        f' form="{form}" aria-label="{said}"></td>'
    )


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(
    context: template.Context,
    shown: int,
    next: str | None = None,  # noqa: A002 - reads as the page's own word
    previous: str | None = None,
    total: int | None = None,
    *,
    capped: bool = False,
) -> dict[str, object]:
    """Move through keyset pages; a capped total says "10,000+" rather than counting on."""
    return {
        "shown": shown,
        "total": total,
        "capped": capped,
        "next": _at_cursor(context, next),
        "previous": _at_cursor(context, previous),
    }


def _at_cursor(context: template.Context, cursor: str | None) -> str:
    if not cursor:
        return ""
    query = context["request"].GET.copy()
    query[CURSOR] = cursor
    return address(context["request"].path, query)


@register.simple_block_tag(takes_context=True)
def bulk_bar(
    context: template.Context,
    content: str,
    action: str,
    total: int | None = None,
    form: str = "bulk",
) -> str:
    """Act on ticked rows; "all matching" is a second, explicit step that carries the filter."""
    return render_to_string(
        "components/bulk_bar.html",
        {
            "content": content,
            "action": action,
            "total": total,
            "form": form,
            "query": context["request"].GET.urlencode(),
            "csrf_token": context["csrf_token"],
        },
    )


@register.simple_tag
def sort_icon(order: str) -> SafeString:
    """Draw the arrow of a sorted column."""
    return icon_svg("arrow-up" if order == "ascending" else "arrow-down")
