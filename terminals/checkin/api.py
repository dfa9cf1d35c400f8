"""The doors at which terminals activate, sign in and out, and say that they live."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from terminals.authentication.contents import decode
from terminals.authentication.door import (
    Answer,
    Door,
    FirstMessage,
    Message,
    receive,
    receive_newcomer,
)
from terminals.authentication.inputs import DoorView, Exact, read_input, refusal_responses
from terminals.authentication.refusals import Refused
from terminals.checkin.actions.activation import Application, activate
from terminals.checkin.actions.exchange import exchange
from terminals.checkin.actions.sign_in import Attempt, sign_in, sign_out
from terminals.checkin.schema import HEARTBEAT

ACTIVATE = Door("activate", "pos-activate-1")
SIGN_IN = Door("sign-in", "pos-signin-1")
SIGN_OUT = Door("sign-out", "pos-signout-1")
BEAT = Door("heartbeat", "pos-hb-1")

SIGNED: Any = [{"deviceSignature": []}]  # the library's types know plain names only
MESSAGE_ID = r"^[0-9a-f]{32}\Z"
CHALLENGE = r"^[A-Za-z0-9_-]{22,44}\Z"
PARTS = ("ok", "fault", "absent")
PRINTER = ("ok", "paper_low", "paper_out", "overheat", "fault", "absent")


class SelfTest(Exact):
    """What the terminal found when it tested its parts."""

    printer = serializers.ChoiceField(choices=PRINTER)
    keypad = serializers.ChoiceField(choices=PARTS)
    pinpad = serializers.ChoiceField(choices=PARTS, required=False)
    display = serializers.ChoiceField(choices=PARTS, required=False)
    reader = serializers.ChoiceField(choices=PARTS, required=False)
    reader_mag = serializers.ChoiceField(choices=PARTS, required=False)
    reader_icc = serializers.ChoiceField(choices=PARTS, required=False)
    reader_nfc = serializers.ChoiceField(choices=PARTS, required=False)


class Place(Exact):
    """Where the terminal says it is."""

    lat = serializers.FloatField(min_value=-90, max_value=90)
    lon = serializers.FloatField(min_value=-180, max_value=180)
    acc_m = serializers.FloatField(min_value=0)
    datum = serializers.ChoiceField(choices=("WGS84", "GCJ02"))
    # a field of the message, not the attribute that fields have
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=("gnss", "wifi", "cell", "manual"), required=False
    )
    at = serializers.DateTimeField()


class MerchantOutput(serializers.Serializer[Any]):
    """The merchant a terminal belongs to."""

    code = serializers.CharField()
    name = serializers.CharField()
    name_en = serializers.CharField()


class Activate(DoorView):
    """A terminal enrols the key it made, with the one-time code for its serial number."""

    class Input(Exact):
        """Signed with the new key itself: keyid "new", tag "pos-activate-1"."""

        v = serializers.ChoiceField(choices=(1,), required=False)
        msg_id = serializers.RegexField(MESSAGE_ID, required=False)
        serial = serializers.CharField(max_length=50)
        code = serializers.CharField(max_length=32)
        public_key = serializers.RegexField(r"^[A-Za-z0-9_-]{43}\Z")
        self_test = SelfTest()
        firmware = serializers.CharField(max_length=64, required=False)
        app = serializers.CharField(max_length=64, required=False)

    class Output(serializers.Serializer[Any]):
        """Who the terminal is from now on."""

        terminal_no = serializers.CharField()
        key_id = serializers.CharField()
        server_time = serializers.DateTimeField()
        challenge = serializers.CharField()
        merchant = MerchantOutput()
        heartbeat_interval_s = serializers.IntegerField()
        heartbeat_grace_s = serializers.IntegerField()

    @extend_schema(
        operation_id="api_device_v1_activate",
        tags=["device"],
        auth=SIGNED,
        request=Input,
        responses={
            201: OpenApiResponse(Output, description="The terminal is in use."),
            **refusal_responses(
                "ACTIVATION_CODE_WRONG",
                "ACTIVATION_CODE_EXPIRED",
                "ACTIVATION_CODE_USED",
                "ACTIVATION_CODE_VOID",
                "PUBLIC_KEY_TAKEN",
                "SELF_TEST_FAILED",
                "MERCHANT_INACTIVE",
            ),
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Enrol a key."""
        return receive_newcomer(request._request, ACTIVATE, self.work)  # noqa: SLF001

    def work(self, message: FirstMessage) -> Answer | Refused:
        """Read the message and act."""
        stated = read_input(self.Input, message.value)
        application = Application(
            serial=stated["serial"],
            code=stated["code"],
            public_key=message.public_key,
            self_test=dict(stated["self_test"]),
            message_id=stated.get("msg_id", ""),
        )
        return _answer(activate(application, stranger=message.actor, now=message.at), 201)


class SignIn(DoorView):
    """A terminal opens its session for the business day (签到)."""

    class Input(Exact):
        """``signin_id`` is new for every try of a person, the same when sent again."""

        v = serializers.ChoiceField(choices=(1,), required=False)
        signin_id = serializers.RegexField(MESSAGE_ID)
        operator_no = serializers.RegexField(r"^[0-9]{2,4}\Z")
        password = serializers.CharField(max_length=128, trim_whitespace=False)
        self_test = SelfTest()
        challenge = serializers.RegexField(CHALLENGE)
        sent_at = serializers.DateTimeField()
        battery_pct = serializers.IntegerField(min_value=0, max_value=100, required=False)
        charging = serializers.BooleanField(required=False)
        loc = Place(required=False)
        firmware = serializers.CharField(max_length=64, required=False)
        app = serializers.CharField(max_length=64, required=False)
        config_version = serializers.IntegerField(min_value=0, required=False)
        batch_no = serializers.IntegerField(min_value=0, max_value=999_999, required=False)

    class Output(serializers.Serializer[Any]):
        """The session: its batch, and until when the terminal may trade."""

        code = serializers.CharField(help_text="OK or ALREADY_SIGNED_IN")
        session_id = serializers.UUIDField()
        business_date = serializers.DateField()
        batch_no = serializers.IntegerField()
        expires_at = serializers.DateTimeField()
        permissions = serializers.ListField(child=serializers.CharField())
        server_time = serializers.DateTimeField()
        last_sign_in = serializers.DictField(child=serializers.CharField(), allow_null=True)
        desired = serializers.DictField()
        notices = serializers.ListField(child=serializers.DictField())

    @extend_schema(
        operation_id="api_device_v1_sign_in",
        tags=["device"],
        auth=SIGNED,
        request=Input,
        responses={
            200: OpenApiResponse(Output, description="Signed in, now or before."),
            **refusal_responses(
                "KEY_REUSED",
                "CHALLENGE_STALE",
                "TERMINAL_SUSPENDED",
                "TERMINAL_NOT_ACTIVE",
                "DEVICE_FAULT",
                "BATTERY_LOW",
                "MERCHANT_INACTIVE",
                "OPERATOR_PASSWORD_WRONG",
                "OPERATOR_LOCKED",
                "DEFAULT_PASSWORD_FORBIDDEN",
                "BATCH_MISMATCH",
                skew=409,
            ),
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Sign in."""
        return receive(request._request, SIGN_IN, self.work)  # noqa: SLF001

    def work(self, message: Message) -> Answer | Refused:
        """Read the message and act."""
        stated = read_input(self.Input, message.value)
        attempt = Attempt(
            signin_id=stated["signin_id"],
            operator_no=stated["operator_no"],
            password=stated["password"],
            self_test=dict(stated["self_test"]),
            challenge=stated["challenge"],
            sent_at=stated["sent_at"],
            battery_percent=stated.get("battery_pct"),
            charging=stated.get("charging", False),
            batch_no=stated.get("batch_no"),
        )
        signed = partial(sign_in, said=message.value, actor=message.actor)
        return _answer(signed(attempt, speaker=message.speaker, now=message.at))


class SignOut(DoorView):
    """A terminal closes its session."""

    class Input(Exact):
        """Closing a session again gives the first answer."""

        v = serializers.ChoiceField(choices=(1,), required=False)
        session_id = serializers.UUIDField()

    class Output(serializers.Serializer[Any]):
        """The session that is closed."""

        session_id = serializers.UUIDField()
        business_date = serializers.DateField()
        batch_no = serializers.IntegerField()
        signed_out_at = serializers.DateTimeField()

    @extend_schema(
        operation_id="api_device_v1_sign_out",
        tags=["device"],
        auth=SIGNED,
        request=Input,
        responses={
            200: OpenApiResponse(Output, description="Signed out, now or before."),
            **refusal_responses("NOT_SIGNED_IN"),
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Sign out."""
        return receive(request._request, SIGN_OUT, self.work)  # noqa: SLF001

    def work(self, message: Message) -> Answer | Refused:
        """Read the message and act."""
        stated = read_input(self.Input, message.value)
        closed = partial(sign_out, actor=message.actor, speaker=message.speaker)
        return _answer(closed(stated["session_id"], now=message.at))


@csrf_exempt
def heartbeat(request: HttpRequest) -> HttpResponse:
    """Take a heartbeat: the hottest door, so without a framework in between."""
    return receive(request, BEAT, _beat)


def _beat(message: Message) -> Answer | Refused:
    said = decode(HEARTBEAT, message.body, message.value)
    beaten = exchange(said, actor=message.actor, speaker=message.speaker, now=message.at)
    return _answer(beaten)


def _answer(result: dict[str, Any] | Refused, status: int = 200) -> Answer | Refused:
    return result if isinstance(result, Refused) else Answer(result, status)
