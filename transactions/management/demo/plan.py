"""Who and what the demo consists of: names, shops, and how a shop's month looks."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.accounts.models import Role

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS = 45
MAKER, MODEL = "PAX", "A920"


@dataclass(frozen=True)
class Shop:
    """A merchant of the demo: its number, names, stores, terminals a store, busyness."""

    code: str
    name: str
    name_en: str
    stores: tuple[str, ...]
    terminals: int
    sales_a_day: int
    typical_fen: int
    mcc: str


SHOPS: dict[str, tuple[Shop, ...]] = {
    "small": (
        Shop("M2026000101", "上海静安茶饮有限公司", "Jing'an Tea",
             ("静安寺店", "陆家嘴店", "徐家汇店", "虹桥机场店"), 3, 110, 4_200, "5814"),
        Shop("M2026000102", "面馆兄弟餐饮", "Noodle Brothers",
             ("南京西路店",), 2, 40, 6_800, "5812"),
        Shop("M2026000103", "云上书店", "Cloud Books", ("福州路店",), 1, 12, 15_500, "5942"),
    ),
}  # fmt: skip
SHOPS["medium"] = tuple(
    Shop(s.code, s.name, s.name_en, s.stores, s.terminals * 4, s.sales_a_day * 8, s.typical_fen,
         s.mcc)
    for s in SHOPS["small"]
)  # fmt: skip
SHOPS["large"] = tuple(
    Shop(s.code, s.name, s.name_en, s.stores, s.terminals * 10, s.sales_a_day * 60,
         s.typical_fen, s.mcc)
    for s in SHOPS["small"]
)  # fmt: skip
SUSPENDED = "M2026000103"

# username: (role, name, number of the merchant; none for our own people)
PEOPLE: dict[str, tuple[Role, str, str]] = {
    "lin": (Role.OWNER, "林晓", "M2026000101"),
    "chen": (Role.MANAGER, "陈悦", "M2026000101"),
    "mei": (Role.CASHIER, "梅芳", "M2026000101"),
    "fang": (Role.FINANCE, "方芸", "M2026000101"),
    "wu": (Role.OWNER, "吴强", "M2026000102"),
    "yun": (Role.OWNER, "云舒", "M2026000103"),
    "olga": (Role.OPERATOR, "欧阳静", ""),
    "carol": (Role.COMPLIANCE, "柯蓉", ""),
    "ada": (Role.AUDITOR, "安达", ""),
    "ron": (Role.ADMIN, "任龙", ""),
}
# How people pay: method, card type, entry mode, weight.
WAYS = (
    ("ALIPAY", "", "QR", 34),
    ("WECHAT", "", "QR", 36),
    ("UNIONPAY_QR", "", "QR", 6),
    ("CARD", "CREDIT", "CONTACTLESS", 10),
    ("CARD", "CREDIT", "CHIP", 6),
    ("CARD", "DEBIT", "CONTACTLESS", 6),
    ("CARD", "DEBIT", "CHIP", 2),
)
DECLINES = ("51", "05", "61", "91")
HOURS = (8, 9, 10, 11, 12, 12, 12, 13, 14, 15, 16, 17, 18, 18, 19, 19, 20, 21)
COLUMNS = (
    "external_id", "occurred_at", "card_token", "terminal_serial", "merchant_code", "amount",
    "currency", "type", "status", "method", "card_type", "entry_mode", "response_code", "mcc",
    "operator",
)  # fmt: skip


def serials(shop: Shop) -> list[str]:
    """Name the terminals of a shop by serial, in PAX's own form: three digits and seven."""
    count = len(shop.stores) * shop.terminals
    return [f"185{int(shop.code[-3:]):03d}{place:04d}" for place in range(1, count + 1)]


def month(shop: Shop, *, until: datetime) -> Iterator[tuple[str, ...]]:
    """Yield the lines of a shop's last weeks as a history file has them (see COLUMNS)."""
    dice = random.Random(f"{shop.code} {until.date()}")  # noqa: S311 - for show, not secret
    terminals = serials(shop)
    last = until.astimezone(SHANGHAI)
    for back in range(DAYS, -1, -1):
        day = last.date() - timedelta(days=back)
        busy = dice.uniform(0.8, 1.2) * (1.35 if day.weekday() >= 5 else 1)  # noqa: PLR2004
        for number in range(int(shop.sales_a_day * busy)):
            at = datetime.combine(
                day,
                time(dice.choice(HOURS), dice.randrange(60), dice.randrange(60)),
                tzinfo=SHANGHAI,
            )
            if at < last:
                yield _line(shop, dice, at, dice.choice(terminals), number)


def _line(
    shop: Shop, dice: random.Random, at: datetime, serial: str, number: int
) -> tuple[str, ...]:
    method, card_type, entry_mode, _weight = dice.choices(WAYS, [way[3] for way in WAYS])[0]
    amount = max(100, int(dice.lognormvariate(0, 0.55) * shop.typical_fen) // 10 * 10)
    fate = dice.random()
    kind = "refund" if fate < 0.02 else "void" if fate < 0.028 else "sale"  # noqa: PLR2004
    declined = kind == "sale" and dice.random() < 0.035  # noqa: PLR2004
    token = f"c_demo{dice.randrange(16**10):010x}"
    return (
        f"{shop.code}-{at:%Y%m%d}-{number:05d}", at.isoformat(), token, serial, shop.code,
        f"{amount // 100}.{amount % 100:02d}", "CNY", kind,
        "declined" if declined else "approved", method, card_type, entry_mode,
        dice.choice(DECLINES) if declined else "00", shop.mcc, f"{dice.randrange(1, 4):02d}",
    )  # fmt: skip
