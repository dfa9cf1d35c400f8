"""The filters above a list, made when they are drawn: most pages show them as they were kept."""

from collections.abc import Sequence
from functools import cached_property

from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext as _

from portal.accounts.roles import ROLES
from transactions.records.forms import FilterForm
from transactions.records.queries.places import list_places
from transactions.records.views.asking import Question

MORE_TEXTS = ("store", "operator")
MORE_CHOICES = ("card_type", "entry_mode")
RISING = ("sort", "at")


class Bar:
    """What the reader filters by, as a form and its parts."""

    def __init__(self, question: Question, given: QueryDict) -> None:
        self._question, self._given = question, given
        self._places = list_places(question.actor)
        self.keep = (RISING,) if question.ascending else ()
        self.for_staff = question.staff
        self.filtered = bool(question.asked.parameters)

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that the filters and their chips show."""
        asked = self._question.asked
        wrong = tuple((name, *self._given.getlist(name)) for name in asked.problems)
        return (
            *(asked.parameters, tuple(asked.problems.items()), wrong),
            *(self._places, self.keep, self._question.staff),
        )

    @cached_property
    def form(self) -> FilterForm:
        """The form, filled in."""
        return FilterForm(
            self._question.asked,
            self._given,
            staff=self._question.staff,
            stores=self._places.stores,
            serials=self._places.serials,
        )

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What could not be used: the name of the field and what is wrong there."""
        if not self._question.asked.problems:
            return []
        fields = self.form.fields
        return [
            (str(fields[name].label) if name in fields else "", str(error))
            for name, errors in self.form.errors.items()
            for error in errors
        ]

    @property
    def more_texts(self) -> list[BoundField]:
        """The fields behind "More" that are typed or chosen from a list."""
        return [self.form[name] for name in MORE_TEXTS]

    @property
    def more_choices(self) -> list[tuple[str, str, list[tuple[str, str, bool]]]]:
        """The fields behind "More" that are ticked."""
        return [_options(self.form[name]) for name in MORE_CHOICES]

    @property
    def dates_count(self) -> int | str:
        """How many of the fields about days are filled in."""
        return self._filled("period", "from", "to")

    @property
    def more_count(self) -> int | str:
        """How many of the fields behind "More" are filled in."""
        return self._filled(*MORE_TEXTS, *MORE_CHOICES)

    @property
    def roles(self) -> tuple[tuple[str, str], ...]:
        """Whom a saved view can be shared with."""
        cards = [card for card in ROLES.values() if card.is_staff == self._question.staff]
        return (("", _("Nobody else")), *((card.code, str(card.name)) for card in cards))

    def _filled(self, *names: str) -> int | str:
        return sum(bool(self.form.data.get(name)) for name in names) or ""


def _options(bound: BoundField) -> tuple[str, str, list[tuple[str, str, bool]]]:
    """Return name, label and choices of a field; a widget would take ten times as long."""
    chosen = set(bound.value() or ())
    choices: Sequence[tuple[str, str]] = bound.field.choices  # type: ignore[attr-defined]
    return bound.name, str(bound.label), [(v, str(label), v in chosen) for v, label in choices]
