"""What an issuer's answer means (ISO 8583 field 39), in words for the person at the counter."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# code: (what it means, what to do)
RESPONSES: dict[str, tuple[Promise, Promise | str]] = {
    "00": (_("Approved by the bank"), ""),
    "01": (_("The bank wants to be called first"), _("Ask the customer to call the bank.")),
    "02": (_("The bank wants to be called first"), _("Ask the customer to call the bank.")),
    "03": (_("The merchant is not known to the network"), _("Report it to your acquirer.")),
    "04": (_("The bank asks to keep the card"), _("Do not take this card again.")),
    "05": (_("The bank declined without a reason"), _("Ask for another way to pay.")),
    "06": (_("The bank met an error"), _("Try again in a minute.")),
    "07": (_("The bank asks to keep the card"), _("Do not take this card again.")),
    "08": (_("Approved with identification"), _("Compare the customer's identity card.")),
    "09": (_("Still being worked on"), _("Wait a minute before trying again.")),
    "10": (_("Approved for part of the amount"), _("Take the rest another way.")),
    "11": (_("Approved for an important customer"), ""),
    "12": (_("This transaction is not allowed"), _("Check kind and amount, then try again.")),
    "13": (_("The amount is not allowed"), _("Check the amount, then try again.")),
    "14": (_("There is no such card number"), _("Ask for another card.")),
    "15": (_("There is no such bank"), _("Ask for another card.")),
    "19": (_("The bank asks to try again"), _("Try once more.")),
    "20": (_("The bank gave an answer nobody can read"), _("Try again in a minute.")),
    "21": (_("The card has not been activated"), _("Ask for another card.")),
    "22": (_("Suspected fault"), _("Sign the terminal in again, then try once more.")),
    "23": (_("The fee is not acceptable"), _("Report it to your acquirer.")),
    "25": (_("The original transaction was not found"), _("Check the reference of the sale.")),
    "30": (_("The message had a wrong form"), _("Report it to your acquirer.")),
    "31": (_("This bank is not supported"), _("Ask for another card.")),
    "33": (_("The card has expired; keep it"), _("Do not take this card again.")),
    "34": (_("Suspected fraud; keep the card"), _("Do not take this card again.")),
    "35": (_("The bank asks to keep the card"), _("Report it to your acquirer.")),
    "36": (_("The card is restricted; keep it"), _("Do not take this card again.")),
    "37": (_("The bank asks to keep the card"), _("Report it to your acquirer.")),
    "38": (_("Too many wrong PINs; keep the card"), _("Do not take this card again.")),
    "39": (_("There is no credit account"), _("Choose another account or card.")),
    "40": (_("The bank does not offer this"), _("Ask for another way to pay.")),
    "41": (_("The card was reported lost"), _("Do not take this card again.")),
    "42": (_("There is no such account"), _("Choose another account or card.")),
    "43": (_("The card was reported stolen"), _("Do not take this card again.")),
    "44": (_("There is no investment account"), _("Choose another account or card.")),
    "51": (_("Not enough money on the account"), _("Ask for another way to pay.")),
    "52": (_("There is no cheque account"), _("Choose another account or card.")),
    "53": (_("There is no savings account"), _("Choose another account or card.")),
    "54": (_("The card has expired"), _("Ask for another card.")),
    "55": (_("Wrong PIN"), _("Let the customer enter the PIN again.")),
    "56": (_("There is no record of this card"), _("Ask for another card.")),
    "57": (_("This card may not do this"), _("Ask for another card.")),
    "58": (_("This terminal may not do this"), _("Report it to your acquirer.")),
    "59": (_("Suspected fraud"), _("Ask for another way to pay.")),
    "60": (_("The bank wants to be called first"), _("Ask the customer to call the bank.")),
    "61": (_("Above the card's limit"), _("Try a smaller amount or another card.")),
    "62": (_("The card is restricted"), _("Ask for another card.")),
    "63": (_("A security check failed"), _("Ask for another card.")),
    "64": (_("The amount differs from the original"), _("Check the amount of the sale.")),
    "65": (_("Used more often than its limit"), _("Ask for another card.")),
    "66": (_("The bank wants to be called first"), _("Ask the customer to call the bank.")),
    "67": (_("The bank asks to keep the card"), _("Do not take this card again.")),
    "68": (_("The bank answered too late"), _("Look for the result before trying again.")),
    "75": (_("Too many wrong PINs"), _("Ask for another card.")),
    "77": (_("The terminal has to sign in first"), _("Sign in on the terminal, then try again.")),
    "79": (_("Offline data of the terminal disagree"), _("Sign in on the terminal again.")),
    "90": (_("The network is closing its day"), _("Try again in a few minutes.")),
    "91": (_("The bank cannot be reached"), _("Try again in a few minutes.")),
    "92": (_("The network cannot be reached"), _("Try again in a few minutes.")),
    "93": (_("The law does not allow it"), _("Ask for another way to pay.")),
    "94": (_("This number was sent before"), _("Look for the first one before trying again.")),
    "95": (_("The day's totals disagree"), _("Settle the terminal again.")),
    "96": (_("The network met an error"), _("Try again in a few minutes.")),
    "97": (_("The terminal number is not known"), _("Report it to your acquirer.")),
    "98": (_("The bank did not answer"), _("Look for the result before trying again.")),
    "99": (_("The PIN could not be read"), _("Sign in on the terminal, then try again.")),
    "A0": (_("The message could not be proven"), _("Sign in on the terminal, then try again.")),
    "N1": (_("Above the limit without a network"), _("Connect the terminal, then try again.")),
}


def meaning(code: str) -> str:
    """Say what a response code means; an unknown one is said to be unknown."""
    if not code:
        return ""
    words = RESPONSES.get(code.upper())
    return str(words[0]) if words else str(_("Not in the table of answers"))


def advice(code: str) -> str:
    """Say what the person at the counter can do; nothing where nothing need be done."""
    words = RESPONSES.get(code.upper())
    return str(words[1]) if words else ""
