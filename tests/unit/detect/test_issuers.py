"""Every issuer's form, with credentials that are made when the test runs."""

from __future__ import annotations

import pytest

from keeptrusts.detect.issuers import FORMS
from keeptrusts.detect.secret import find_secrets
from keeptrusts.detect.spans import values
from support.credentials import VECTORS, made


@pytest.mark.parametrize(("category", "form"), VECTORS)
def test_a_credential_is_found_whole_enough(category: str, form: str) -> None:
    """Under its issuer's name, from its first character on, in prose and in an assignment."""
    for seed in range(3):
        credential = made(form, seed)
        for text in (f"the key is {credential} for now", f'{{"k": "{credential}"}}'):
            found = [hit for hit in find_secrets(text) if hit.category == category]
            assert found, form
            assert found[0].start == text.index(credential)
            assert max(hit.end for hit in values(find_secrets(text))) >= text.index(credential) + min(
                len(credential), 24
            )


def test_every_form_has_a_vector() -> None:
    """And there are as many issuers as the documentation says."""
    assert {category for category, _ in VECTORS} == {category for category, _ in FORMS}
    assert len(VECTORS) == len(FORMS)
    assert len({category for category, _ in FORMS}) >= 150


@pytest.mark.parametrize(
    "text",
    [
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "sk-learn and scikit-learn are the same project",
        "https://docs.example.com/guides/getting-started/installation-of-the-command-line",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "password: your_password_here",
        "export API_KEY=${API_KEY}",
        'token = os.environ["SERVICE_TOKEN"]',
        "client_secret: <your client secret>",
        "test_that_the_parser_reads_every_single_line_of_it",
        "AbstractSingletonProxyFactoryBeanConfiguration",
        "integrity sha512-abcdef",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    """Digests, identifiers, references and placeholders."""
    assert [hit.category for hit in find_secrets(text) if hit.category != "high_entropy"] == []
