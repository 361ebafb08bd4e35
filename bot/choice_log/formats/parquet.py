"""Parquet: a request a row, typed. Its library is an extra, loaded when a file is written."""

from typing import BinaryIO, Final

from bot.choice_log.export_format import ExportFormat, ExportOptions, FormatWriter


def _open(file: BinaryIO, _: ExportOptions) -> FormatWriter:
    from bot.choice_log.parquet_writer import ParquetFormatWriter

    return ParquetFormatWriter(file)


FORMAT: Final = ExportFormat(
    name="parquet", meaning="a request a row, typed", open=_open, file_name="choices.parquet", is_packed=True
)
