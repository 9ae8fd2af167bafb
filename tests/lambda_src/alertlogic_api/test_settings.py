from __future__ import annotations

import json

import pytest

from alertlogic_api import AccessKey, AlertLogicSettings, SecretError

ENVIRONMENT = {
    "ALERTLOGIC_CUSTOMER_ID": "12345678",
    "ALERTLOGIC_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:444444444444:secret:alertlogic-AbCdEf",
}


class TestSettings:
    def test_default_to_production_and_to_the_default_residency(self) -> None:
        settings = AlertLogicSettings.from_environment(ENVIRONMENT)

        assert settings == AlertLogicSettings(
            customer_id="12345678",
            secret_arn=ENVIRONMENT["ALERTLOGIC_SECRET_ARN"],
            global_endpoint="https://api.global-services.global.alertlogic.com",
            residency="default",
        )

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.global-integration.product.dev.alertlogic.com",
            "https://example.com:8443",
            "http://127.0.0.1",
            "http://127.0.0.1:8080",
        ],
    )
    def test_accept_https_and_plain_http_on_loopback(self, url: str) -> None:
        assert (
            AlertLogicSettings.from_environment({**ENVIRONMENT, "ALERTLOGIC_GLOBAL_ENDPOINT": url}).global_endpoint
            == url
        )

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ALERTLOGIC_GLOBAL_ENDPOINT", "http://api.global-services.global.alertlogic.com"),
            ("ALERTLOGIC_GLOBAL_ENDPOINT", "http://127.0.0.1.example.com"),
            ("ALERTLOGIC_GLOBAL_ENDPOINT", "http://127.0.0.1:80@example.com"),
            ("ALERTLOGIC_GLOBAL_ENDPOINT", "http://127x0.0.1"),
            ("ALERTLOGIC_GLOBAL_ENDPOINT", "http://localhost:8080"),
            ("ALERTLOGIC_GLOBAL_ENDPOINT", "https://example.com/path"),
            ("ALERTLOGIC_GLOBAL_ENDPOINT", "https://example.com\n"),
            ("ALERTLOGIC_GLOBAL_ENDPOINT", ""),
            ("ALERTLOGIC_RESIDENCY", "mars"),
            ("ALERTLOGIC_CUSTOMER_ID", "12345678x"),
            ("ALERTLOGIC_CUSTOMER_ID", ""),
        ],
    )
    def test_refuse_by_name_with_the_value_and_what_is_allowed(self, name: str, value: str) -> None:
        with pytest.raises(ValueError, match="must be") as refusal:
            AlertLogicSettings.from_environment({**ENVIRONMENT, name: value})

        assert str(refusal.value).startswith(f"{name} is {value!r}; it must be ")

    def test_report_everything_that_is_wrong_at_once(self) -> None:
        with pytest.raises(ValueError, match=r"ALERTLOGIC_CUSTOMER_ID is ''.*ALERTLOGIC_SECRET_ARN is ''"):
            AlertLogicSettings.from_environment({})

    def test_do_not_show_a_secret_that_stands_where_its_arn_belongs(self) -> None:
        with pytest.raises(ValueError, match="ALERTLOGIC_SECRET_ARN is something else") as refusal:
            AlertLogicSettings.from_environment({**ENVIRONMENT, "ALERTLOGIC_SECRET_ARN": '{"secret_key": "hunter2"}'})

        assert "hunter2" not in str(refusal.value)


class TestAccessKey:
    def test_is_read_from_the_secret(self) -> None:
        key = AccessKey.from_secret_string('{"access_key_id": "key-id", "secret_key": "hunter2"}')

        assert (key.access_key_id, key.secret_key) == ("key-id", "hunter2")

    def test_may_hold_a_colon_after_the_id(self) -> None:
        assert AccessKey.from_secret_string('{"access_key_id": "key", "secret_key": "a:b"}').secret_key == "a:b"

    def test_shows_neither_part(self) -> None:
        assert repr(AccessKey("key-id", "hunter2")) == "AccessKey()"

    @pytest.mark.parametrize(
        ("secret", "complaint"),
        [
            ("", "the secret is empty: fill it with"),
            ("  \n", "the secret is empty: fill it with"),
            ("[" * 100_000, "the secret is not JSON"),
            ("hunter2", "the secret is not JSON"),
            ('"hunter2"', "the secret is not a JSON object"),
            ("{}", "the secret has no access_key_id"),
            ('{"access_key_id": "key-id", "secret": "hunter2"}', "the secret has no secret_key"),
            ('{"access_key_id": 7, "secret_key": "hunter2"}', "the secret has no access_key_id"),
            ('{"access_key_id": "key-id", "secret_key": ""}', "the secret has no secret_key"),
            ('{"access_key_id": "key-id", "secret_key": "hunter2\\n"}', "the secret_key in the secret holds a space"),
            ('{"access_key_id": "key-id", "secret_key": "hunter2€"}', "the secret_key in the secret holds a space"),
            ('{"access_key_id": "key:id", "secret_key": "hunter2"}', "the access_key_id in the secret holds a space"),
        ],
    )
    def test_complains_about_what_is_missing_and_shows_nothing_that_is_there(self, secret: str, complaint: str) -> None:
        with pytest.raises(SecretError) as refusal:
            AccessKey.from_secret_string(secret)

        assert str(refusal.value).startswith(complaint)
        assert "hunter2" not in str(refusal.value)
        # json's exception carries the whole text that it could not read.
        assert not isinstance(refusal.value.__context__, json.JSONDecodeError)
