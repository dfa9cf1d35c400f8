"""Transactions as terminals report them, decoded with msgspec, and their answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from portal.api_schema import HotEndpoint
from terminals.authentication.schema import hot_refusals

MOST_IN_A_BATCH = 200
LARGEST_AMOUNT = 999_999_999_999  # ISO 8583 field 4: twelve digits

BatchNo = Annotated[int, Meta(ge=0, le=999_999)]
TraceNo = Annotated[int, Meta(ge=1, le=999_999)]
Amount = Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
Moment = Annotated[datetime, Meta(tz=True)]


class Original(Struct, forbid_unknown_fields=True, frozen=True):
    """The sale that is voided or refunded: by this terminal's own numbers, or by reference."""

    batch_no: BatchNo | UnsetType = UNSET
    trace_no: TraceNo | UnsetType = UNSET
    reference: Annotated[str, Meta(pattern="^[0-9A-Z]{8,32}$")] | UnsetType = UNSET


class Report(Struct, forbid_unknown_fields=True, frozen=True):
    """One transaction. ``batch_no`` and ``trace_no`` together are its number, used once."""

    batch_no: BatchNo
    trace_no: TraceNo
    kind: Literal["SALE", "VOID", "REFUND"]
    status: Literal["APPROVED", "DECLINED", "REVERSED"]
    method: Literal["CARD", "ALIPAY", "WECHAT", "UNIONPAY_QR", "CASH"]
    amount_minor: Amount
    currency: Literal["CNY", "HKD", "MOP", "USD", "EUR", "JPY"]
    occurred_at: Moment
    response_code: Annotated[str, Meta(pattern="^[0-9A-Z]{2,4}$")]
    v: Literal[1] = 1
    card_type: Literal["DEBIT", "CREDIT", "PREPAID"] | UnsetType = UNSET
    entry_mode: (
        Literal["CHIP", "CONTACTLESS", "MAGSTRIPE", "MANUAL", "QR", "ONLINE"] | UnsetType
    ) = UNSET
    card_bin: Annotated[str, Meta(pattern="^[0-9]{6}$")] | UnsetType = UNSET
    card_last4: Annotated[str, Meta(pattern="^[0-9]{4}$")] | UnsetType = UNSET
    card_token: Annotated[str, Meta(pattern="^[A-Za-z0-9_.:~+/=-]{8,64}$")] | UnsetType = UNSET
    rrn: Annotated[str, Meta(pattern="^[0-9]{12}$")] | UnsetType = UNSET
    operator_no: Annotated[str, Meta(pattern="^[0-9]{2,4}$")] | UnsetType = UNSET
    original: Original | UnsetType = UNSET


class Bundle(Struct, forbid_unknown_fields=True, frozen=True):
    """Up to 200 transactions, each read on its own, so that one cannot spoil the others."""

    transactions: Annotated[list[Raw], Meta(min_length=1, max_length=MOST_IN_A_BATCH)]
    v: Literal[1] = 1


class BatchReport(Struct, forbid_unknown_fields=True, frozen=True):
    """Up to 200 transactions, taken in their order and answered in the same order."""

    transactions: Annotated[list[Report], Meta(min_length=1, max_length=MOST_IN_A_BATCH)]
    v: Literal[1] = 1


class Receipt(Struct, frozen=True):
    """A transaction that is in the book; the same for every repetition of its report."""

    reference: str
    rrn: str
    business_date: str
    server_time: str


class ItemReceipt(Struct, frozen=True, omit_defaults=True):
    """What became of one transaction of a batch; ``status`` as if it had come alone."""

    status: int
    batch_no: int | None = None
    trace_no: int | None = None
    reference: str | None = None
    rrn: str | None = None
    business_date: str | None = None
    server_time: str | None = None
    code: str | None = None
    title: str | None = None
    retry: str | None = None
    field: str | None = None


class BatchReceipt(Struct, frozen=True):
    """The answers in the order of the reports."""

    results: list[ItemReceipt]


REPORT: "msgspec.json.Decoder[Report]" = msgspec.json.Decoder(Report)
BUNDLE: "msgspec.json.Decoder[Bundle]" = msgspec.json.Decoder(Bundle)

WHOLE = ("TERMINAL_SUSPENDED", "TERMINAL_NOT_ACTIVE", "MERCHANT_INACTIVE", "NOT_SIGNED_IN")
ONE = (
    "KEY_REUSED",
    "ORIGINAL_UNKNOWN",
    "ORIGINAL_NOT_A_SALE",
    "ALREADY_VOIDED",
    "EXCEEDS_ORIGINAL",
)

ENDPOINTS: list[Any] = [
    HotEndpoint(
        path="/api/device/v1/transactions",
        summary="A terminal reports one transaction. The same report gets the same answer.",
        request=Report,
        responses={
            "200": ("Taken before: the first answer again", Receipt),
            "201": ("Taken", Receipt),
            **hot_refusals(*WHOLE, *ONE, skew=422),
        },
    ),
    HotEndpoint(
        path="/api/device/v1/transactions/batch",
        summary="A terminal reports up to 200 transactions; each is answered in its place.",
        request=BatchReport,
        responses={
            "200": (
                "Each transaction taken or refused on its own: "
                + ", ".join((*ONE, "CLOCK_SKEW", "INVALID")),
                BatchReceipt,
            ),
            **hot_refusals(*WHOLE),
        },
    ),
]
