"""Log lines: facts that may be logged, as JSON or for people."""

import json
import logging

import pytest

from cli import logs


@pytest.fixture
def record() -> logging.LogRecord:
    """What a line is made from; `text` is a fact that is never logged."""
    made = logging.LogRecord("bot.x", logging.WARNING, "x.py", 1, "it took %s ms", (3,), None)
    vars(made).update(request_id="req_é", drafted=5, text="a customer's words", created=1_700_000_000.25)
    return made


def test_a_line_is_an_object_with_facts_alone(record: logging.LogRecord) -> None:
    assert list(json.loads(logs.JsonFormatter().format(record)).items()) == [
        ("event", "it took 3 ms"),
        ("level", "warning"),
        ("logger", "bot.x"),
        ("request_id", "req_é"),
        ("drafted", 5),
        ("timestamp", "2023-11-14T22:13:20.250000Z"),
    ]


def test_a_line_for_people(record: logging.LogRecord) -> None:
    line = logs.ConsoleFormatter().format(record)
    assert line == "2023-11-14T22:13:20.250000Z [warning ] it took 3 ms request_id=req_é drafted=5"


@pytest.mark.parametrize("formatter", [logs.JsonFormatter(), logs.ConsoleFormatter()])
def test_an_exception_brings_its_traceback(formatter: logging.Formatter, record: logging.LogRecord) -> None:
    with pytest.raises(ValueError, match="odd") as caught:
        int("odd")
    record.exc_info = (caught.type, caught.value, caught.tb)
    line = formatter.format(record)
    assert "ValueError: invalid" in line
    assert "Traceback" in line
