"""Texts of many forms around a value, and texts whose numbers only look like personal data."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from typing import Any

_CAPITALS = string.ascii_uppercase
LABELS = {
    "EMAIL": ["email", "e-mail address", "contact email", "work email"],
    "PHONE": ["phone", "phone number", "mobile", "telephone", "cell", "contact number", "mobile number", "tel"],
    "DOB": ["date of birth", "DOB", "birth date", "birthday", "D.O.B."],
    "CREDIT_CARD": ["card number", "credit card", "card", "debit card number", "CC"],
    "IBAN": ["IBAN", "account", "bank details"],
    "IP": ["IP address", "client IP", "remote address", "ip"],
    "CRYPTO": ["wallet", "wallet address", "BTC address", "deposit address"],
    "US_SSN": ["SSN", "social security number", "social", "SSN#"],
    "ITIN": ["ITIN", "taxpayer number"],
    "PASSPORT": ["passport number", "passport no.", "passport", "passport #"],
    "US_DL": ["driver's license", "driver license number", "driving licence", "DL number", "driver's license no."],
    "MRN": ["MRN", "medical record number", "patient ID", "chart number", "medical record no."],
    "NPI": ["NPI", "NPI number", "national provider identifier"],
    "BANK_ACCOUNT": ["account number", "bank account number", "account no.", "checking account number", "acct #"],
    "ABA": ["routing number", "ABA routing number", "ABA", "routing no.", "RTN"],
}
KEYS = {
    "EMAIL": ["email", "userEmail", "contact_email"], "PHONE": ["phone", "phoneNumber", "mobile_no", "tel"],
    "DOB": ["dob", "date_of_birth", "dateOfBirth", "birthDate"],
    "CREDIT_CARD": ["card", "cardNumber", "pan"], "IBAN": ["iban", "payee_account"], "IP": ["ip", "client_ip", "src"],
    "CRYPTO": ["wallet", "to_address"], "US_SSN": ["ssn", "taxpayer_ssn"], "ITIN": ["itin"],
    "PASSPORT": ["passport", "passportNumber", "passport_no"],
    "US_DL": ["drivers_license", "driverLicense", "dl_number"], "MRN": ["mrn", "patient_id", "medicalRecordNumber"],
    "NPI": ["npi", "provider_npi"], "BANK_ACCOUNT": ["account_number", "accountNumber", "bank_account"],
    "ABA": ["routing_number", "routingNumber", "aba"],
}  # fmt: skip
LABELLED = (
    "My {label} is {v}.", "{label}: {v}", "{Label}: {v}", "{label} - {v}", "Please change my {label} to {v}, thanks",
    "Is this {label} right: {v}?", "she gave me her {label}, {v}, and hung up", "{Label}\t{v}", "| {Label} | {v} |",
    "- **{Label}**: {v}", "{LABEL}: {v}", "{Label} = {v}", "{Label}: '{v}'", "{Label}:\n{v}\n",
    "The {label} on the form was {v} and nobody noticed.", "{label} {v}", "<td>{Label}</td><td>{v}</td>",
)  # fmt: skip
KEYED = (
    '{{"id": 3817, "{key}": "{v}", "active": true}}', "{key}: {v}\nplan: basic\n", "<{key}>{v}</{key}>",
    "2026-03-04T10:11:12Z INFO updated user=8412 {key}={v} status=ok", "?{key}={v}&next=1", "{{'{key}': '{v}'}}",
    "UPDATE people SET {key} = '{v}' WHERE id = 7;", "{key}='{v}'", '{key} = "{v}"', "export {KEY}={v}",
)  # fmt: skip
BARE = (
    "Can you send it to {v} before Friday?", "{v}", "I have {v} here, is that right?", "({v})", "see {v}; then reply",
    "'{v}'", "[{v}]", "Bitte an {v} senden.", "Il faut écrire {v} ici.", "¿Es {v} correcto?", "{v}\n{v2}",
    "7,{v},Leeds,active", "请使用 {v} 。", "お客様：{v}", "Это {v}, проверьте", "from {v} to us", "“{v}”", "{v}, {v2}",
    "name|{v}|2026-01-04", "-> {v} <-", "`{v}`", "Sent to {v}.", "…{v}…", "*{v}*", "a={v};b=2",
)  # fmt: skip
CALLS = {
    "de": ["Telefon: {v}", "Rufen Sie mich unter {v} an.", "Meine Handynummer ist {v}", "Tel. {v}", "Mobil {v}"],
    "fr": ["Téléphone : {v}", "Appelez-moi au {v}.", "Mon numéro est le {v}", "Tél. {v}", "portable : {v}"],
    "es": ["Teléfono: {v}", "Llámame al {v}.", "Mi número de móvil es {v}", "Tel. {v}", "mi celular es {v}"],
    "it": ["Telefono: {v}", "Chiamami al {v}.", "Il mio numero di cellulare è {v}", "Cell. {v}"],
    "pt": ["Telefone: {v}", "Me ligue no {v}.", "Meu celular é {v}", "Tel.: {v}", "telemóvel {v}"],
    "nl": ["Telefoon: {v}", "Bel mij op {v}.", "Mijn mobiele nummer is {v}", "Tel. {v}"],
    "pl": ["Telefon: {v}", "Proszę dzwonić pod numer {v}.", "tel. kom. {v}"],
    "sv": ["Telefon: {v}", "Ring mig på {v}.", "Mobil: {v}"], "da": ["Telefon: {v}", "Ring til mig på {v}."],
    "no": ["Telefon: {v}", "Ring meg på {v}.", "tlf. {v}"], "fi": ["Puhelin: {v}", "Soita numeroon {v}.", "puh. {v}"],
    "cs": ["Telefon: {v}", "Zavolejte mi na {v}.", "mobil {v}"], "ja": ["電話番号：{v}", "携帯は{v}です。", "TEL {v}"],
    "ko": ["전화번호: {v}", "휴대폰 {v}"], "zh": ["电话：{v}", "我的手机号是{v}。", "電話: {v}"],
    "tr": ["Telefon: {v}", "Beni {v} numarasından arayın."], "uk": ["Телефон: {v}", "тел. {v}"],
    "bg": ["Телефон: {v}", "тел. {v}"], "el": ["Τηλέφωνο: {v}", "κινητό {v}"], "he": ["טלפון: {v}", "נייד {v}"],
}  # fmt: skip
"""A telephone number as it is named in a language; elsewhere it is named in English."""
ENGLISH_CALLS = (
    "Call me at {v} after five.", "you can reach me on {v}", "phone {v}", "Phone: {v}", "my number is {v}, text me",
    "Tel: {v}", "Contact: Ada, {v}", "mobile: {v}", '{{"phone": "{v}", "plan": 2}}', "Give her a call on {v}.",
    "Ring {v} and ask for Sam", "WhatsApp {v}", "fax {v}", "Mobile No. {v}", "| Phone | {v} |", "phone_number={v}",
    "The customer's cell is {v}.", "Ph. {v}", "contact number {v}", "text {v} when you land", "dial {v}",
)  # fmt: skip
BIRTHS = {
    "de": ["geboren am {v} in Bonn", "Geburtsdatum: {v}"], "fr": ["né le {v} à Lyon", "Date de naissance : {v}"],
    "es": ["nacida el {v}", "Fecha de nacimiento: {v}"], "it": ["nato il {v} a Roma", "Data di nascita: {v}"],
    "pt": ["nascido em {v}", "Data de nascimento: {v}"], "nl": ["geboren op {v}", "Geboortedatum: {v}"],
    "pl": ["Data urodzenia: {v}", "urodzony {v}"], "sv": ["född {v}", "Födelsedatum: {v}"],
}  # fmt: skip


def put(kind: str, value: str, label: str, draw: random.Random) -> dict[str, Any]:
    """A text of some form with the value in it, and where it stands there."""
    form, name, key = _form(kind, value, label, draw)
    shown = {"label": name, "Label": name[:1].upper() + name[1:], "LABEL": name.upper(), "key": key, "KEY": key.upper()}
    mark = "\0"
    text = form.format(v=mark, v2=mark, **shown)
    spans = []
    while (at := text.find(mark)) >= 0:
        text = text[:at] + value + text[at + 1 :]
        spans.append([at, at + len(value), kind])
    return {"text": text, "spans": spans, "set": "fresh"}


def _form(kind: str, value: str, label: str, draw: random.Random) -> tuple[str, str, str]:
    if kind in {"PHONE", "DOB"} and label:
        named = (CALLS if kind == "PHONE" else BIRTHS).get(label[:2])
        if named and draw.random() < 0.6:
            return draw.choice(named), "", ""
        if kind == "PHONE":
            return draw.choice(ENGLISH_CALLS), "", ""
    if kind == "NATIONAL_ID":
        return draw.choice(LABELLED), label, ""
    named_as = "ITIN" if label == "ITIN" else kind
    bare = {"EMAIL": 0.7, "PHONE": 0.5, "CREDIT_CARD": 0.4, "IBAN": 0.6, "IP": 0.5, "CRYPTO": 0.5}.get(kind, 0.0)
    if kind == "US_SSN" and not label and "-" in value:
        bare = 0.3
    if draw.random() < bare:
        return draw.choice(BARE), "", ""
    form = draw.choice(LABELLED if draw.random() < 0.65 else KEYED)
    return form, draw.choice(LABELS[named_as]), draw.choice(KEYS[named_as])


HARMLESS = (
    "Order number {d16} has shipped.", "Your order #{d3}-{d7}-{d7} will arrive on Monday",
    "Upgrade to version {n20}.{n30}.{n99}.{d4} first", "firmware {d1}.{d1}.{d1}.{d1} fixes the reboot loop",
    "md5 {h32}  sha1 {h40}", "started at 17{d8}, ended at 17{d11} ms", "ISBN {isbn} and ISBN-10 {d9}X",
    "EAN {ean} / UPC {d12}, shelf {n40}", "Tracking: 1Z{u6}{d10}",
    "USPS 9400 {d4} {d4} {d4} {d4} {d2} is on its way", "FedEx {d4} {d4} {d4}; DHL {d10}",
    "{d5} + {d6} = {d7}; pi is 3.14159265358979", "at {n89}.{d6}, -{n179}.{d6} the signal was lost",
    "request {h8}-{h4}-4{h3}-a{h3}-{h12} took {n999}.{d3} ms", "listening on localhost:{d4}, metrics on :{d5}",
    "Part no. {d3}-{d2}-{d4}-B replaces {d4}-{d3}-{d3}", "Invoice INV-{d4}-{d4}: total ${n999},{d3}.{d2}",
    "The meeting is on 202{d1}-0{n9}-1{d1} at 1{d1}:4{d1}", "SELECT * FROM t WHERE id = {d9} LIMIT {d3} OFFSET {d5}",
    "[{d4}, {d4}, {d4}, {d4}] and [0.{d8}, 0.{d8}]", "user_id={d10} session={h24} build={d8}",
    "Case 2:{d2}-cv-{d5}, docket {d4}-{d4}", "{n12}/{n28} to {n12}/{n28}: {d3} {d3} {d3} units sold",
    "serial number {u2}{d8}; model {d3}-{d4}", "ticket #{d8} (ref {d4} {d4} {d4}) was closed",
    "10.{d4}/{d4}.{d6} is the DOI; arXiv:2{d3}.{d5}", "0x{h16} 0x{h8} eax=0x{h8}",
    "The population grew from {n99} {d3} {d3} to {n999} {d3} {d3}.", "@app.route @types/node@{n20}.{d1}.{d1} a@b",
    "frame {d6} of {d6}, seed={d10}, lr=1e-{n6}, loss=0.{d10}", "Flight LH{d3} 1{d1}:3{d1}, gate B{n60}, PNR {u6}",
    "Zählerstand {d6}, Kundennummer {d8}, Rechnung Nr. {d10}", "commande n° {d9}, réf. {d4}-{d4}-{d2}",
    "订单号 {d18}，快递单号 SF{d13}", "call stack {d3}: phone book has {d5} entries since 2019",
    "born in 19{d2}, passport control opens at {n12}",
)  # fmt: skip
"""A letter and a number in brackets: so many digits, hexadecimal digits or capitals; behind `n`, a number up to it."""


def harmless(draw: random.Random, each: int) -> Iterator[str]:
    """So many of each kind."""

    def fill(slot: re.Match[str]) -> str:
        sign, count = slot[1], int(slot[2] or 0)
        if sign == "n":
            return str(draw.randint(1, count))
        if not count:
            return isbn(draw) if sign == "isbn" else article(draw, "")
        return "".join(draw.choices({"d": string.digits, "h": "0123456789abcdef"}.get(sign, _CAPITALS), k=count))

    for _ in range(each):
        for form in HARMLESS:
            yield re.sub(r"\{([a-z]+)(\d*)\}", fill, form)


def isbn(draw: random.Random) -> str:
    number = article(draw, draw.choice(["978", "979"]))
    return draw.choice([number, f"{number[:3]}-{number[3]}-{number[4:8]}-{number[8:12]}-{number[12]}"])


def article(draw: random.Random, head: str) -> str:
    """GTIN-13, with its check digit."""
    body = head + "".join(draw.choices(string.digits, k=12 - len(head)))
    return body + str(-sum(int(one) * (1 + 2 * (place % 2)) for place, one in enumerate(body)) % 10)
