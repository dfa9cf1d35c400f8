"""The components, the lists and the frame: exact words and marks."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.contrib.messages.constants import ERROR, SUCCESS
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ImproperlyConfigured
from django.http import QueryDict
from django.template import Context, Engine
from django.test import RequestFactory, override_settings
from django.utils import timezone, translation

from portal.accounts.shell import Bell, Item, Shell, Who
from portal.kit.charts import Bar
from portal.kit.icons import PATHS, UnknownIcon, icon_svg

CODES = ("400", "403", "404", "405", "413", "419", "429", "500", "503")


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with (
        override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}),
        translation.override("en"),
        timezone.override("Asia/Shanghai"),
    ):
        yield


def render(source: str, **context: object) -> str:
    return Engine.get_default().from_string(source).render(Context(context))


def page(name: str, **context: object) -> str:
    return Engine.get_default().get_template(name).render(Context(context))


TERMINALS = Item("/t/", "Terminals", "terminal", "d", active=True, badge="7")
FRAME = Shell(
    nav=(TERMINALS,),
    account=(Item("/security/", "Security", "key"),),
    who=Who("Lin", "Owner", "Noodle House"),
    theme="dark",
    language="en",
    single_keys=False,
    search_url="/search/",
    bell=Bell("/notices/", 3),
)


def shell(**over: Any) -> Shell:
    return replace(FRAME, **over)


class Filter(forms.Form):
    q = forms.CharField(label="Search", required=False)
    status = forms.MultipleChoiceField(
        label="Status", required=False, choices=[("SETTLED", "Settled"), ("DECLINED", "Declined")]
    )
    kind = forms.ChoiceField(label="Type", required=False, choices=[("SALE", "Sale")])


class Refund(forms.Form):
    amount = forms.CharField(label="Amount", help_text="In yuan.")
    notes = forms.CharField(label="Notes", required=False)
    why = forms.ChoiceField(label="Why", widget=forms.RadioSelect, choices=[("A", "Returned")])


# Components


@pytest.mark.parametrize(
    ("code", "tone"),
    [
        ("SETTLED", "ok"),
        ("DECLINED", "bad"),
        ("APPROVED", "info"),
        ("HELD", "warn"),
        ("X", "mute"),
    ],
)
def test_a_status_decides_its_tone_in_one_place(code: str, tone: str) -> None:
    assert render("{% badge code label %}", code=code, label="<Words>") == (
        f'<span class="badge {tone}">&lt;Words&gt;</span>'
    )


def test_a_card_is_masked_with_asterisks() -> None:
    assert render('{% card "622588" "0417" %}') == (
        '<span class="mono nowrap">6225 **** 0417</span>'
    )
    assert render('{% card "" "" %}') == "–"


def test_every_icon_draws_and_an_unknown_one_is_refused() -> None:
    assert all(icon_svg(name).count("<path") == 1 for name in PATHS)
    with pytest.raises(UnknownIcon):
        icon_svg("no-such-icon")


def test_an_icon_is_silent_unless_named() -> None:
    assert 'aria-hidden="true"' in icon_svg("bell")
    assert 'role="img" aria-label="3 &lt; 4"' in icon_svg("bell", "3 < 4")


def test_a_panel_escapes_its_title_and_keeps_its_content() -> None:
    html = render("{% panel title=t flush=True %}<p>in</p>{% endpanel %}", t="<b>")

    assert html.strip() == (
        '<section class="panel flush"><header><h2>&lt;b&gt;</h2></header><p>in</p></section>'
    )


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured):
        render('{% grid "mosaic" %}{% endgrid %}')


def test_a_field_ties_label_hint_and_error_to_its_control() -> None:
    html = render("{% field form.amount %}", form=Refund({}))

    assert '<label for="id_amount">Amount</label>' in html
    assert 'aria-describedby="id_amount_hint id_amount_error"' in html
    assert 'aria-invalid="true"' in html
    assert '<div class="hint" id="id_amount_hint">In yuan.</div>' in html
    assert 'id="id_amount_error"' in html
    assert html.count("aria-describedby") == html.count("aria-invalid") == 1


def test_optional_fields_say_so_and_groups_have_a_legend() -> None:
    form = Refund()

    assert "(optional)" in render("{% field form.notes %}", form=form)
    assert "(optional)" not in render("{% field form.amount %}", form=form)
    assert "<legend>Why</legend>" in render("{% field form.why %}", form=form)


def test_the_error_summary_takes_the_focus_and_links_to_the_fields() -> None:
    form = Refund({})
    form.add_error(None, "Already refunded.")

    html = render("{% error_summary form %}", form=form)

    assert 'role="alert" tabindex="-1" autofocus' in html
    assert '<a href="#id_amount">Amount: This field is required.</a>' in html
    assert "<li>Already refunded.</li>" in html
    assert render("{% error_summary form %}", form=Refund()) == ""


def test_messages_become_one_status_region() -> None:
    messages = [Message(SUCCESS, "Terminal <A> suspended."), Message(ERROR, "Not moved.")]

    html = page("components/toasts.html", messages=messages, oob=False)

    assert html.count('role="status"') == 1
    assert html.count('class="notice ok"') == html.count('class="notice bad"') == 1
    assert "Terminal &lt;A&gt; suspended." in html


def test_a_running_job_asks_again_and_a_finished_one_does_not() -> None:
    running = SimpleNamespace(
        id="7", title="October", status="RUNNING", status_label="Preparing", running=True,
        done=2021, total=4812, percent=42, seconds_left=8, poll_url="/jobs/7/", download_url="",
        expires_at=None, sha256="", failure="",
    )  # fmt: skip
    html = render("{% job_card job %}", job=running)
    assert 'hx-get="/jobs/7/" hx-trigger="every 1s"' in html
    assert "2,021 of 4,812 rows · 42% · about 8 seconds left." in html

    finished = SimpleNamespace(**{**vars(running), "running": False, "download_url": "/f/"})
    html = render("{% job_card job %}", job=finished)
    assert "hx-get" not in html
    assert 'href="/f/"' in html


def test_the_confirm_page_names_the_object_and_repeats_the_verb() -> None:
    html = render(
        '{% confirm title=t verb="Disable terminal" action="/x/" cancel="/" danger=True %}'
        "{% endconfirm %}",
        t="Disable terminal A-1041?",
        csrf_token="token",
    )

    assert "<h2>Disable terminal A-1041?</h2>" in html
    assert '<button class="btn danger">Disable terminal</button>' in html
    assert 'name="csrfmiddlewaretoken" value="token"' in html


# Lists


def listed(query: str) -> dict[str, object]:
    request = RequestFactory().get(f"/transactions/?{query}")
    return {"request": request, "form": Filter(QueryDict(query)), "csrf_token": "token"}


def test_a_chip_removes_its_own_filter_and_nothing_else() -> None:
    query = "q=88&status=SETTLED&status=DECLINED&kind=&sort=-at&cursor=abc"

    html = render('{% chips form "/transactions/" %}', **listed(query))

    links = re.findall(r'<a class="chip" href="([^"]+)">([^<]+)<', html)
    assert links == [
        ("/transactions/?status=SETTLED&amp;status=DECLINED&amp;sort=-at", "Search: 88"),
        ("/transactions/?q=88&amp;status=DECLINED&amp;sort=-at", "Settled"),
        ("/transactions/?q=88&amp;status=SETTLED&amp;sort=-at", "Declined"),
    ]


def test_no_filter_means_no_chips() -> None:
    assert render('{% chips form "/transactions/" %}', **listed("sort=-at")).strip() == ""


def test_a_menu_counts_what_holds_and_offers_any() -> None:
    many = render("{% filter_menu form.status %}", **listed("status=DECLINED"))
    assert '<span class="count">1</span>' in many
    assert '<input type="checkbox" name="status" value="DECLINED" checked>' in many

    one = render("{% filter_menu form.kind %}", **listed(""))
    assert '<input type="radio" name="kind" value="" checked>' in one


def test_the_filter_form_works_alone_and_names_a_bare_path() -> None:
    html = render(
        '{% filters "/transactions/" keep=keep %}{% endfilters %}', keep=[("sort", '"><b')]
    )

    assert 'method="get" action="/transactions/"' in html
    assert 'hx-get="/transactions/"' in html
    assert 'value="&quot;&gt;&lt;b"' in html
    assert "<noscript><button" in html


@pytest.mark.parametrize(
    ("current", "order", "link"),
    [("at", "ascending", "-at"), ("-at", "descending", "at"), ("amount", "", "-at")],
)
def test_a_sorted_column_says_so_and_turns_round(current: str, order: str, link: str) -> None:
    html = render('{% th "Time" sort="at" current=c %}', c=current, **listed("q=1&cursor=x"))

    assert f'href="/transactions/?q=1&amp;sort={link}"' in html
    assert (f'aria-sort="{order}"' in html) == bool(order)


def test_pages_keep_the_question() -> None:
    html = render('{% pager shown=50 next="n" total=4800 %}', **listed("q=1"))

    assert 'rel="next" href="/transactions/?q=1&amp;cursor=n"' in html
    assert 'rel="prev"' not in html
    assert "50 of 4,800" in html
    assert "10,000+" in render("{% pager shown=50 total=10000 capped=True %}", **listed(""))


def test_all_matching_is_a_second_step_that_carries_the_filter() -> None:
    html = render('{% bulk_bar "/x/" total=4800 %}{% endbulk_bar %}', **listed("status=DECLINED"))

    assert 'name="query" value="status=DECLINED"' in html
    assert 'name="all" value="1"' in html
    assert "Select all 4,800 matching" in html
    assert 'form="bulk"' in render('{% td_select "26" %}')


def test_the_chart_comes_with_its_table() -> None:
    bars = [Bar(date(2026, 11, 20), 123450, 4090)]

    html = render("{% sales_chart bars today=today %}", bars=bars, today=date(2026, 11, 20))

    assert html.count("<svg") == 2
    assert '<td>20 Nov 2026</td><td class="num">¥1,234.50</td><td class="num">−¥40.90</td>' in html


# The frame


def frame(name: str, **over: object) -> str:
    request = RequestFactory().get("/t/?q=<x>")
    return page(name, shell=shell(**over), request=request, messages=[], csrf_token="token")


def test_the_frame_has_its_parts() -> None:
    html = frame("base.html")

    assert '<html lang="en" data-theme="dark">' in html
    assert 'data-single-keys="off"' in html
    assert 'href="/t/" aria-current="page" data-keys="g d"' in html
    assert '<a class="skip" href="#content">' in html
    assert 'action="/sign-out/"' in html
    assert 'name="next" value="/t/?q=%3Cx%3E"' in html
    assert "Noodle House" in html


def test_the_device_decides_the_light_when_no_theme_is_chosen() -> None:
    assert 'data-theme="' not in frame("base.html", theme="")


def test_the_signed_out_frame_needs_nobody() -> None:
    html = frame("base_public.html", who=None, nav=())

    assert '<body class="public"' in html
    assert "/sign-out/" not in html


def test_places_after_the_fourth_move_under_more() -> None:
    nav = tuple(replace(TERMINALS, active=False, url=f"/{i}/") for i in range(6))

    html = frame("base.html", nav=nav)

    assert html.count('class="extra"') == 2
    assert html.count('href="/5/"') == 2


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_an_error_page_needs_no_context_and_no_database(code: str, language: str) -> None:
    with translation.override(language):
        html = page(f"errors/{code}.html")

    assert f'<html lang="{language}">' in html
    assert f'<p class="code">{code}</p>' in html
    assert html.count("<h1>") == 1
