"""Files in the folder of a test, for asynchronous tests."""

import time
from pathlib import Path


def write(name: str, text: str = "") -> None:
    Path(name).write_text(text, encoding="utf-8")


def read(name: str) -> str:
    return Path(name).read_text(encoding="utf-8")


def read_bytes(name: str) -> bytes:
    return Path(name).read_bytes()


def write_bytes(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)


def absolute(name: str) -> str:
    return str(Path(name).resolve())


def make_folder(name: str) -> None:
    Path(name).mkdir()


def delete(name: str) -> None:
    Path(name).unlink()


def listed() -> list[str]:
    """What there is."""
    return sorted(path.name for path in Path().iterdir())


def size(name: str) -> int:
    return Path(name).stat().st_size


def link(name: str, target: str) -> None:
    Path(name).symlink_to(target)


def is_link(name: str) -> bool:
    return Path(name).is_symlink()


def is_pipe(name: str) -> bool:
    return Path(name).is_fifo()


def pause(seconds: float) -> None:
    """Blocks, as a person does who thinks."""
    time.sleep(seconds)
