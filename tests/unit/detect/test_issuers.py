"""Every issuer's form, with credentials that are made when the test runs: none stands in the repository."""

from __future__ import annotations

import random
import re
import string

import pytest

from keeptrusts.detect.issuers import FORMS
from keeptrusts.detect.secret import find_secrets
from keeptrusts.detect.spans import values

ALPHABETS = {
    "A": string.ascii_letters + string.digits,
    "a": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "b": string.ascii_uppercase + "234567",
    "h": "0123456789abcdef",
    "d": string.digits,
}
"""What a slot such as `{20A}` is filled with."""
VECTORS = [
    ("aws_access_key", "AKIA{16b}"),
    ("aws_bedrock_key", "ABSK{100A}"),
    ("aws_mws_token", "amzn.mws.{u}"),
    ("alibaba_key", "LTAI{20A}"),
    ("tencent_key", "AKID{32A}"),
    ("yandex_cloud_key", "AQVN{36A}"),
    ("yandex_cloud_secret", "YC{38A}"),
    ("scaleway_key", "SCW{17U}"),
    ("exoscale_key", "EXO{24h}"),
    ("github_token", "ghp_{36A}"),
    ("github_token", "github_pat_{22A}_{59A}"),
    ("gitlab_token", "glpat-{20A}"),
    ("gitlab_runner_token", "GR1348941{20A}"),
    ("bitbucket_token", "ATBB{32A}"),
    ("bitbucket_token", "ATCTT3xFfG{80A}"),
    ("atlassian_token", "ATATT3xFfG{80A}"),
    ("trello_token", "ATTA{64h}"),
    ("slack_token", "xoxb-{12d}-{12d}-{24A}"),
    ("slack_token", "xapp-1-A{10U}-{13d}-{64h}"),
    ("slack_webhook", "hooks.slack.com/services/T{9U}/B{9U}/{24A}"),
    ("discord_token", "M{23A}.{6A}.{38A}"),
    ("discord_webhook", "discord.com/api/webhooks/{18d}/{68A}"),
    ("teams_webhook", "webhook.office.com/webhookb2/{u}@{u}/IncomingWebhook/{32h}"),
    ("telegram_token", "{10d}:AA{33A}"),
    ("zapier_webhook", "hooks.zapier.com/hooks/catch/{7d}/{7a}"),
    ("stripe_key", "sk_live_{24A}"),
    ("stripe_key", "whsec_{32A}"),
    ("square_token", "sq0atp-{22A}"),
    ("braintree_token", "access_token$production${16a}${32h}"),
    ("razorpay_key", "rzp_live_{14A}"),
    ("plaid_token", "access-production-{u}"),
    ("flutterwave_key", "FLWSECK-{32h}-X"),
    ("paddle_key", "pdl_live_apikey_{26a}_{22A}_{3A}"),
    ("polar_token", "polar_oat_{43A}"),
    ("easypost_key", "EZAK{54A}"),
    ("shippo_token", "shippo_live_{40h}"),
    ("lob_key", "live_{35h}"),
    ("duffel_token", "duffel_live_{43A}"),
    ("shopify_token", "shpat_{32h}"),
    ("openai_key", "sk-proj-{48A}"),
    ("openai_key", "sk-{20A}T3BlbkFJ{20A}"),
    ("openai_key", "sk-{48A}"),
    ("anthropic_key", "sk-ant-api03-{93A}"),
    ("openrouter_key", "sk-or-v1-{64h}"),
    ("langfuse_key", "sk-lf-{u}"),
    ("helicone_key", "sk-helicone-{31a}"),
    ("groq_key", "gsk_{52A}"),
    ("replicate_token", "r8_{37A}"),
    ("perplexity_key", "pplx-{48A}"),
    ("xai_key", "xai-{80A}"),
    ("cerebras_key", "csk-{48a}"),
    ("fireworks_key", "fw_{24A}"),
    ("together_key", "tgp_v1_{43A}"),
    ("nvidia_key", "nvapi-{64A}"),
    ("langsmith_key", "lsv2_pt_{32h}_{10h}"),
    ("pinecone_key", "pcsk_{6A}_{63A}"),
    ("tavily_key", "tvly-dev-{32A}"),
    ("elevenlabs_key", "sk_{48h}"),
    ("firecrawl_key", "fc-{32h}"),
    ("e2b_key", "e2b_{40h}"),
    ("anyscale_key", "esecret_{26a}"),
    ("jina_key", "jina_{32h}{28A}"),
    ("voyage_key", "pa-{43A}"),
    ("runpod_key", "rpa_{44U}"),
    ("modal_token", "ak-{22A}"),
    ("huggingface_token", "hf_{34A}"),
    ("google_api_key", "AIza{35A}"),
    ("google_oauth", "GOCSPX-{28A}"),
    ("google_oauth", "ya29.{60A}"),
    ("google_oauth", "1//0{60A}"),
    ("npm_token", "npm_{36A}"),
    ("pypi_token", "pypi-AgEIcHlwaS5vcmc{70A}"),
    ("pypi_token", "pypi-AgENdGVzdC5weXBpLm9yZw{70A}"),
    ("rubygems_key", "rubygems_{48h}"),
    ("crates_io_token", "cio{32A}"),
    ("nuget_key", "oy2{43a}"),
    ("docker_token", "dckr_pat_{27A}"),
    ("jfrog_token", "AKCp{69A}"),
    ("jfrog_token", "cmVmdGtu{56A}"),
    ("packagist_token", "packagist_out_{68h}"),
    ("clojars_token", "CLOJARS_{60a}"),
    ("deno_token", "ddp_{36A}"),
    ("sendgrid_key", "SG.{22A}.{43A}"),
    ("mailgun_key", "key-{32h}"),
    ("mailchimp_key", "{32h}-us14"),
    ("brevo_key", "xkeysib-{64h}-{16A}"),
    ("resend_key", "re_{8A}_{24A}"),
    ("mailersend_key", "mlsn.{64h}"),
    ("klaviyo_key", "pk_{34h}"),
    ("twilio_key", "SK{32h}"),
    ("intercom_token", "dG9rO{55A}"),
    ("hubspot_token", "pat-na1-{u}"),
    ("salesforce_token", "00D{12A}!{90A}"),
    ("digitalocean_token", "dop_v1_{64h}"),
    ("heroku_key", "HRKU-AA{58A}"),
    ("fly_token", "fo1_{43A}"),
    ("fly_token", "fm2_{80A}"),
    ("netlify_token", "nfp_{40A}"),
    ("render_key", "rnd_{32A}"),
    ("scalingo_token", "tk-us-{48A}"),
    ("cloudflare_token", "cfut_{40A}{8h}"),
    ("cloudflare_origin_key", "v1.0-{24h}-{80h}"),
    ("tailscale_key", "tskey-auth-{12A}CNTRL-{32A}"),
    ("defined_networking_token", "dnkey-{26A}-{52A}"),
    ("azure_storage_key", "AccountKey={86A}=="),
    ("azure_client_secret", "{3A}8Q~{34A}"),
    ("azure_devops_token", "{76A}AZDO{4A}"),
    ("azure_shared_access_key", "SharedAccessKey={43A}="),
    ("azure_sas_signature", "?sig={43A}%3D"),
    ("databricks_token", "dapi{32h}"),
    ("dbt_token", "dbtc_{40A}"),
    ("prefect_key", "pnu_{36A}"),
    ("planetscale_token", "pscale_tkn_{43A}"),
    ("neon_key", "napi_{64a}"),
    ("supabase_token", "sbp_{40h}"),
    ("supabase_token", "sb_secret_{31A}"),
    ("mongodb_atlas_secret", "mdb_sa_sk_{40A}"),
    ("cockroach_key", "CCDB1_{22A}_{40A}"),
    ("aiven_password", "AVNS_{19A}"),
    ("airtable_token", "pat{14A}.{64h}"),
    ("notion_token", "ntn_{46A}"),
    ("notion_token", "secret_{43A}"),
    ("figma_token", "figd_{40A}"),
    ("asana_token", "2/{16d}/{16d}:{32h}"),
    ("clickup_token", "pk_{8d}_{32U}"),
    ("typeform_token", "tfp_{59A}"),
    ("contentful_token", "CFPAT-{43A}"),
    ("linear_key", "lin_api_{40A}"),
    ("calcom_key", "cal_live_{32h}"),
    ("adafruit_key", "aio_{28A}"),
    ("adobe_secret", "p8e-{32A}"),
    ("frameio_token", "fio-u-{64A}"),
    ("wakatime_key", "waka_{u}"),
    ("lichess_token", "lip_{20A}"),
    ("intra42_secret", "s-s4t2ud-{64h}"),
    ("apify_token", "apify_api_{36A}"),
    ("retool_token", "retool_{26a}"),
    ("mapbox_token", "sk.eyJ{72A}.{22A}"),
    ("newrelic_key", "NRAK-{27U}"),
    ("newrelic_key", "NRII-{32A}"),
    ("grafana_token", "glsa_{32A}_{8h}"),
    ("grafana_key", "eyJrIjoi{72A}"),
    ("dynatrace_token", "dt0c01.{24U}.{64U}"),
    ("sentry_token", "sntrys_eyJ{80A}"),
    ("sentry_token", "sntryu_{64h}"),
    ("honeycomb_key", "hcaik_{58a}"),
    ("postman_key", "PMAK-{24h}-{34h}"),
    ("readme_key", "rdme_{70a}"),
    ("posthog_key", "phx_{43A}"),
    ("segment_token", "sgp_{64A}"),
    ("sourcegraph_token", "sgp_{16h}_{40h}"),
    ("sonar_token", "squ_{40h}"),
    ("launchdarkly_key", "sdk-{u}"),
    ("statsig_key", "secret-{43A}"),
    ("circleci_token", "CCIPAT_{22A}_{40h}"),
    ("buildkite_token", "bkua_{40h}"),
    ("harness_token", "pat.{22A}.{24h}.{20A}"),
    ("vault_token", "hvs.{90A}"),
    ("terraform_token", "{14A}.atlasv1.{67A}"),
    ("pulumi_token", "pul-{40h}"),
    ("doppler_token", "dp.st.prd.{43A}"),
    ("infisical_token", "st.{24h}.{32h}.{32h}"),
    ("onepassword_token", "ops_eyJ{80A}"),
    ("onepassword_key", "A3-{6U}-{11U}-{5U}-{5U}-{5U}"),
    ("stytch_secret", "secret-live-{36A}"),
    ("openshift_token", "sha256~{43A}"),
    ("age_key", "AGE-SECRET-KEY-1{58U}"),
    ("facebook_token", "EAA{90A}"),
    ("instagram_token", "IGQV{80A}"),
    ("twitter_bearer", "AAAAAAAAAAAAAAAAAAAAA{80A}"),
    ("dropbox_token", "sl.{80A}"),
    ("keeptrusts_key", "kt_key_{12a}_{43A}"),
    ("jwt", "eyJ{33A}.eyJ{40A}"),
    ("private_key", "-----BEGIN RSA PRIVATE KEY-----"),
    ("putty_key", "PuTTY-User-Key-File-3: ssh-ed25519"),
]


def made(form: str, seed: int) -> str:
    draw = random.Random(seed)

    def fill(slot: re.Match[str]) -> str:
        if slot.group(2) == "u":
            return "-".join("".join(draw.choices(ALPHABETS["h"], k=size)) for size in (8, 4, 4, 4, 12))
        return "".join(draw.choices(ALPHABETS[slot.group(2)], k=int(slot.group(1))))

    return re.sub(r"\{(\d*)([AaUbhdu])\}", fill, form)


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
