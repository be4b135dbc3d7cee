"""How labelled sets of personal data name what we find; a category that they do not have keeps its own name."""

from __future__ import annotations

from typing import Final

TYPES: Final = {
    "email": "EMAIL",
    "phone": "PHONE",
    "credit_card": "CREDIT_CARD",
    "iban": "IBAN",
    "ip_address": "IP",
    "ssn": "US_SSN",
    "itin": "US_SSN",
    "drivers_license": "US_DL",
    "passport": "PASSPORT",
    "date_of_birth": "DOB",
    "medical_record": "MRN",
    "health_plan": "MRN",
    "npi": "NPI",
    "crypto_wallet": "CRYPTO",
    "bank_account": "BANK_ACCOUNT",
    "routing_number": "ABA",
    "national_id": "NATIONAL_ID",
}


def type_name(category: str) -> str:
    """The type of a category of personal data."""
    return TYPES.get(category, category.upper())
