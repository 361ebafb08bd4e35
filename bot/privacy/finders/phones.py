"""Phone numbers: with their country's code anywhere, and those of some countries without it.

phonenumbers decides. It is asked about runs of digits only, and so often at most in one text.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from bot.privacy.folding import Span, fold

_PHONE: Final = re.compile(
    r"\+ ?\(?\d[\d ()./·_|-]{5,34}\d(?!\d)"  # whatever stands before and behind
    r"|(?<![A-Za-z0-9_.,#$€£¥+-])\(?\d[\d ()./·-]{5,22}\d(?![A-Za-z0-9_])"
)
_NOT_A_PHONE: Final = re.compile(
    r"(?<!\d)(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:[0-2]?\d|3[01])(?![\d]|[-/.]\d)"  # 2026-11-22
    r"|(?<![\d.+/-])(?:[0-2]?\d|3[01])([-/.])(?:[0-2]?\d|3[01])\2(?:(?:19|20)\d\d|\d\d)(?!\d|[-/.]\d)"  # 22.11.2026
    r"|(?<![\d.+])\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?(?![\d.])"  # 1.234.567,89
    r"|(?<![\d.+])\d+\.\d{1,2}(?![\d.])"  # 1299.00
    r"|(?<![\d.+])(?!\d\d(?:\.\d\d){4}(?!\d))\d{1,5}(?:\.\d{1,6}){3,}(?!\d)"  # 10.0.19045.3570, not 01.23.45.67.89
    r"|(?<![\d.+])0\.\d+(?![\d.])"  # 0.982492
    r"|[$€£¥₹]\s?\d[\d.,]*"
    r"|(?<![A-Za-z0-9])1Z(?: ?[A-Z0-9]){16}(?![A-Za-z0-9])"  # a parcel of UPS
)
_PHONE_WORD: Final = re.compile(
    fold(
        r"(?<![A-Za-z])(?:phone|tel|mob|cell|call|ring|text|sms|whatsapp|reach|fax|number is|rufnummer|"
        r"telefon|handy|mobil|anruf|portable|numero|movil|llam|celular|telefono|cellulare|"
        r"电话|手机|號碼|号码|電話|手機|致电|致電|联系|聯絡|携帯)[^\d]{0,24}$"
    ).text,
    re.IGNORECASE,
)
_REFERENCE_WORD: Final = re.compile(
    fold(
        r"(?<![A-Za-z])(?:order|po|invoice|ticket|tracking|parcel|shipment|reference|ref|case|customer|account|article|item|"
        r"serial|sku|isbn|ean|gtin|upc|imei|vin|id|no\.|nr\.|contract|policy|booking|reservation|receipt|meter|batch|lot|blz|"
        r"\w{0,12}(?:bestell|rechnung|kunde|sendung|artikel|auftrag|konto|kto|vertrag|buchung)\w{0,12}|"
        r"commande|facture|compte|client|colis|suivi|contrat|pedido|factura|cuenta|cliente|envio|contrato|ordine|fattura|conto|"
        r"spedizione|contratto|encomenda|fatura|conta|bestelling|rekening|factuur|klant\w{0,8}|zamowieni\w|faktur\w|kont\w|"
        r"klient\w|objednavk\w|ucet|zakaznik\w|rendeles|szamla|ugyfel|comanda|cont|kund\w{0,6}|paragon|παραγγελια\w?|"
        r"λογαριασμ\w{1,2}|τιμολογιο|заказ\w?|счет\w?|договор\w?|клиент\w?|замовлення|рахун\w{1,3}|договор\w?|siparis\w{0,3}|"
        r"hesap|fatura|musteri|طلب|حساب|فاتوره|سفارش|حساب|فاكتور|הזמנה|חשבון|חשבונית|ऑर्डर|खाता|অর্ডার|অ্যাকাউন্ট|"
        r"订单|訂單|单号|單號|编号|編號|货号|序列号|發票|发票|账号|帳號|账户|帳戶|注文|口座|請求|주문|계좌|송장|#)\.?[^\d\n.]{0,14}$"
    ).text,
    re.IGNORECASE,
)
_LETTER: Final = re.compile(r"[^\W\d_]|#")
_CHINESE_MOBILE: Final = re.compile(r"1[3-9]\d{9}")


_MAX_CHECKED: Final = 100
"""Numbers of one text that phonenumbers is asked about; what looks like one behind them is taken for one."""


def find_phones(text: str, regions: Sequence[str]) -> Iterator[Span]:
    """Yield the numbers, of these countries where they begin without a country's code."""
    if not _PHONE.search(text):
        return
    text = _NOT_A_PHONE.sub(lambda match: "\0" * len(match[0]), text)
    checked = 0
    for match in _PHONE.finditer(text):
        before = text[max(0, match.start() - 40) : match.start()]
        raw = match[0]
        if (raw.startswith("(") and ")" not in raw) or not _may_be_phone(raw, before):
            continue
        checked += 1
        length = len(raw) if checked > _MAX_CHECKED else _measure_phone(raw, before, regions)
        if length:
            yield match.start(), match.start() + length


def is_reference_number(before: str) -> bool:
    """Tell whether the words before a number call it one of an order, an article or the like."""
    return bool(_LETTER.search(before) and _REFERENCE_WORD.search(before))


def _is_called_phone(before: str) -> bool:
    """Tell whether the words before a number call it a phone number, and none behind those another one."""
    called = _PHONE_WORD.search(before) if _LETTER.search(before) else None
    return called is not None and not _REFERENCE_WORD.search(before, called.start() + 1)


def _may_be_phone(raw: str, before: str) -> bool:
    """Tell, without phonenumbers, whether it may be a phone number rather than a number of something else."""
    digits = re.sub(r"\D", "", raw)
    if len(digits) < 7:
        return False
    return bool(
        raw.startswith("+")
        or digits.startswith("00")
        or _is_called_phone(before)
        or (_is_dialled(raw, digits) and not is_reference_number(before))
    )


def _measure_phone(raw: str, before: str, regions: Sequence[str]) -> int:
    """Return the length of the phone number at the start, without others behind it; 0 where there is none."""
    if _is_phone(raw, regions):
        return len(raw)
    if raw.startswith(("+", "00")) or _is_called_phone(before):
        for gap in reversed(list(re.finditer(r"[^\d+()]+", raw))[-3:]):
            if _is_phone(raw[: gap.start()], regions):
                return gap.start()
    return 0


def _is_phone(raw: str, regions: Sequence[str]) -> bool:
    digits = re.sub(r"\D", "", raw)
    if not 7 <= len(digits) <= 15:
        return False
    raw = re.sub(r"[ _|]+", " ", raw)
    if raw.startswith("+"):
        return len(digits) >= 9 and _is_possible(raw)
    if digits.startswith("00") and _is_valid(f"+{digits[2:]}", None):
        return True
    return any(_is_valid(raw, region) and _is_grouped(raw, region) for region in regions)


def _is_dialled(raw: str, digits: str) -> bool:
    """Tell whether digits are written as people write phone numbers: with signs between, or a 0 in front."""
    return raw != digits or digits.startswith("0") or bool(_CHINESE_MOBILE.fullmatch(digits))


def _is_possible(raw: str) -> bool:
    """Tell whether the length fits its country's code: a + says the rest."""
    import phonenumbers

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(raw, None))
    except phonenumbers.NumberParseException:
        return False


def _is_valid(raw: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(raw, region))
    except phonenumbers.NumberParseException:
        return False


def _is_grouped(raw: str, region: str) -> bool:
    """Tell whether spaces and dashes stand where that country puts them."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    matches = PhoneNumberMatcher(raw, region, leniency=Leniency.STRICT_GROUPING, max_tries=2)
    return any(match.raw_string == raw.strip("()") or match.raw_string == raw for match in matches)
