"""The export formats by name: whatever module of this package has a `FORMAT`."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import BinaryIO, Final

from bot.choice_log.export_format import ExportFormat, ExportOptions, FormatWriter


def _load_formats() -> dict[str, ExportFormat]:
    """Load the formats: those of the log itself first, then training data."""
    modules = [import_module(f"{__package__}.{each.name}") for each in iter_modules([str(Path(__file__).parent)])]
    found: list[ExportFormat] = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {each.name: each for each in sorted(found, key=lambda each: (each.is_training_data, each.name))}


FORMATS: Final = _load_formats()


def open_writer(options: ExportOptions, file: BinaryIO) -> FormatWriter:
    """Build the writer of a format, ready to write. Raises ImportError if its library is missing."""
    return FORMATS[options.name].open(file, options)
