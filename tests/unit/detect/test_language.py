"""Languages of texts: which, where, and when nothing is said."""

from __future__ import annotations

import pytest

from keeptrusts.detect.fold import readable
from keeptrusts.detect.language import LANGUAGES, canonical, languages_of, pieces

SENTENCES = {
    "en": "Where is the nearest train station?",
    "de": "Ich möchte meine Bestellung stornieren.",
    "fr": "Merci de résumer le rapport ci-joint.",
    "es": "La reunión empieza mañana a las nueve.",
    "it": "Vorrei annullare il mio ordine.",
    "pt": "Escreve um pequeno poema sobre o outono",
    "nl": "Ik wil graag mijn bestelling annuleren.",
    "pl": "Napisz krótki wiersz o jesieni",
    "tr": "Siparişimi iptal etmek istiyorum.",
    "ru": "Я хочу отменить свой заказ.",
    "uk": "Я хочу скасувати своє замовлення.",
    "ar": "من فضلك لخص التقرير المرفق.",
    "hi": "मैं अपना ऑर्डर रद्द करना चाहता हूँ।",
    "zh": "请总结附件中的报告。",
    "ja": "一番近い駅はどこですか。",
    "ko": "주문을 취소하고 싶어요.",
    "vi": "Tôi muốn hủy đơn hàng của mình.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_short_sentence_is_told(language: str) -> None:
    """One sentence is enough for the languages that are spoken most."""
    (spoken,) = languages_of(SENTENCES[language])
    assert (spoken.language, spoken.confidence > 0.3) == (language, True)


@pytest.mark.parametrize(
    "text",
    ["", "ok", "Hola", "12345678901234567890", "https://example.com/some/long/path", "snake_case_name = other_name()"],
)
def test_what_has_no_language(text: str) -> None:
    """Too few letters, numbers, addresses and code."""
    assert list(languages_of(text)) == []


def test_pieces_are_the_text() -> None:
    """Nothing is left out between them, and each is bounded, whatever the lines are like."""
    for text in ("a" * 1000, "word " * 300, "line\n" * 300, "", "x"):
        found = list(pieces(text))
        assert "".join(text[start:end] for start, end in found) == text
        assert all(end - start <= 240 for start, end in found)


def test_a_paragraph_among_others_has_its_own_place() -> None:
    """The piece in another language is where it stands."""
    english = "The shops were open and the trains were late, and nobody knows why they did so every morning. " * 3
    text = english + SENTENCES["ru"] * 8 + english
    told = {spoken.language for spoken in languages_of(text)}
    assert told == {"en", "ru"}


def test_readable_keeps_accents_and_scripts() -> None:
    """Only words of ASCII letters lose the look-alikes among them."""
    assert readable("Bіtte fаsse\u200b den Ｂericht, Привет łódź") == "Bitte fasse den Bericht, Привет łódź"


def test_codes_are_what_is_told() -> None:
    """A code that may be written stands for one that can be told."""
    assert {canonical(code) for code in LANGUAGES} <= set(LANGUAGES)
