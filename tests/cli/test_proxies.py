"""The way out of this machine, by the variables of the environment: which proxy, which certificates."""

from pathlib import Path

import httpcore2
import pytest

from bot.proxies import NetworkSettingsError, Route, find_proxy
from playground import Workspace
from playground.model_server import ModelDouble
from tests.cli.conftest import Suggest
from tests.doubles import ProxyDouble

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("HTTPS_PROXY", "http://proxy.example:3128", "http://proxy.example:3128"),
        ("HTTPS_PROXY", "proxy.example:3128", "http://proxy.example:3128"),
        ("https_proxy", " user:pass@proxy.example:3128/ ", "http://user:pass@proxy.example:3128"),
        ("HTTPS_PROXY", "10.0.0.9:3128", "http://10.0.0.9:3128"),
        ("HTTPS_PROXY", "https://proxy.example", "https://proxy.example"),
        ("HTTP_PROXY", "http://proxy.example:3128", None),
        ("ALL_PROXY", "socks5://proxy.example:1081", "socks5://proxy.example:1081"),
        ("ALL_PROXY", "socks5h://proxy.example", "socks5://proxy.example:1080"),
        ("all_proxy", "SOCKS4A://proxy.example:1081", "socks4://proxy.example:1081"),
        ("ALL_PROXY", "", None),
    ],
)
def test_a_proxy_is_taken_with_or_without_a_scheme(
    name: str, value: str, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    proxy = find_proxy("https://slack.com/api/")
    assert (proxy and proxy.url) == found


@pytest.mark.parametrize(
    "value", ["ftp://proxy.example", "http:///x", "http://proxy.example:port", "socks5://:1080", "a b:1"]
)
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(NetworkSettingsError, match=r"^HTTPS_PROXY names no proxy that can be used: ") as caught:
        Route.find("https://slack.com/api/")
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("*", "https://slack.com/api/", True),
        ("slack.com", "https://slack.com/api/", True),
        ("slack.com", "https://hooks.slack.com/", True),
        ("slack.com", "https://notslack.com/", False),
        (" .internal , slack.com ", "http://llm.internal:8000/v1", True),
        ("*.internal", "http://a.llm.internal/v1", True),
        ("*.Internal", "http://LLM.INTERNAL/v1", True),
        ("10.0.0.0/8", "http://10.1.2.3:8000/v1", True),
        ("10.0.0.0/8", "http://11.1.2.3:8000/v1", False),
        ("10.0.0.0/8", "http://10.example.com/v1", False),
        ("192.168.1.7", "http://192.168.1.7/v1", True),
        ("fd00::/8", "http://[fd00::1]:8000/v1", True),
        ("[fd00::1]:8000", "http://[fd00::1]:8000/v1", True),
        ("llm.example:8000", "http://llm.example:8000/v1", True),
        ("llm.example:8000", "http://llm.example:8001/v1", False),
        ("llm.example:443", "https://llm.example/v1", True),
        ("10.1.*", "http://10.1.2.3:8000/v1", True),
        ("10.1.*:8000", "http://10.2.2.3:8000/v1", False),
        ("llm.*", "http://llm.example/v1", True),
        ("*:8000", "http://llm.example:8000/v1", True),
        ("*llm.example", "http://a.llm.example/v1", True),
        ("http://llm.example/", "http://llm.example/v1", True),
        ("https://llm.example:8000", "http://llm.example:8000/v1", True),
        ("slack.com;llm.example", "http://llm.example/v1", True),
        ("slack.com|llm.example", "http://llm.example/v1", True),
        ("10.0.0.0/99, llm", "http://llm/v1", True),
        ("", "http://llm/v1", False),
    ],
)
def test_exceptions_are_names_suffixes_networks_and_ports(
    exceptions: str,
    url: str,
    direct: bool,  # noqa: FBT001 - a column of the table above
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert (find_proxy(url) is None) is direct


@pytest.mark.parametrize("name", ["missing.pem", "empty.pem"])
async def test_certificates_that_cannot_be_used_are_named_in_one_line(
    name: str,
    suggest: Suggest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uncached = getattr(httpcore2.default_ssl_context, "__wrapped__", httpcore2.default_ssl_context)
    monkeypatch.setattr(httpcore2, "default_ssl_context", uncached)
    (tmp_path / "empty.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    monkeypatch.setenv("OPENAI_BASE_URL", "https://llm.example/v1")
    result = await suggest("try", "Hello")
    assert result.code == 2
    assert result.complaint.startswith("SSL_CERT_FILE names no file of certificates (")
    monkeypatch.setenv("SSL_CERT_FILE", "")
    Route.find("https://llm.example/v1")


@pytest.mark.parametrize("name", ["missing", "empty", "missing:empty", "plain.pem"])
def test_a_directory_without_certificates_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One among several will do; servers on this machine need none."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain.pem").touch()
    monkeypatch.setenv("SSL_CERT_DIR", ":".join(str(tmp_path / each) for each in name.split(":")))
    with pytest.raises(NetworkSettingsError, match=r"SSL_CERT_DIR names no directory of certificates \(/"):
        Route.find("https://llm.example/v1")
    Route.find("https://127.0.0.1/v1")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "9f3c2b1a.0").touch()
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}/missing:{tmp_path}/full")
    Route.find("https://llm.example/v1")


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_model_and_slack_are_reached_through_a_proxy(
    kind: str,
    suggest: Suggest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also streams, and nothing of `.netrc` is sent."""
    (tmp_path / "netrc").write_text("default login joe password hush\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    async with Workspace.start() as slack, ModelDouble.start() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", "http://llm.example/v1")
        async with ProxyDouble.start(kind, model.base_url) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"{kind}://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("SLACK_API_URL", slack.api_url)
            assert (await suggest("try", "Hello")).code == 0
            assert (await suggest("try", "Hello", "--stream")).code == 0
            assert (await suggest("doctor")).out.count("✓ model") == 1
            assert {each.partition(":")[0] for each in proxy.asked} == {"llm.example"}
        assert {call.authorization for call in model.calls} <= {"", "Bearer none"}
        async with ProxyDouble.start(kind, slack.api_url) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"{kind}://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
            monkeypatch.setenv("SLACK_API_URL", "http://slack.example/api/")
            await suggest("doctor")
            assert {each.partition(":")[0] for each in proxy.asked} == {"llm.example", "slack.example"}
