"""Requests as Parquet: a row a request, with typed columns; candidates and events are lists of structs, the choice is a
struct. Facts whose form is free (`policy_params`, `sources`, `data`) are JSON texts.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from bot.choice_log.fields import FIELDS, SCHEMA
from storage.queries.export_rows import FieldType, RawEntry, Row, list_field_types

_BATCH_SIZE: Final = 500
"""Requests held as Python's objects, which take ten times what Arrow's do."""

_GROUP_SIZE: Final = 5
"""Batches in a row group. The file's end tells of each group, and is held in memory until then."""

_STATISTICS_COLUMNS: Final = ["id", "team_id", "channel_id", "agent_id", "created_at", "status"]
"""Columns whose least and greatest values the file has, so that readers can skip groups."""

_TYPES: Final[dict[FieldType, pa.DataType]] = {
    "text": pa.string(),
    "time": pa.timestamp("ms", tz="UTC"),
    "integer": pa.int32(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "json": pa.string(),
}
_TURN: Final = pa.struct([("role", pa.string()), ("text", pa.string())])
_TYPED_JSON: Final = {"conversation": pa.list_(_TURN), "visible_candidate_ids": pa.list_(pa.string())}


def _build_fields(table: str, names: Sequence[str]) -> list[pa.Field]:
    types = zip(names, list_field_types(table, names), strict=True)
    return [pa.field(name, _TYPED_JSON.get(name, _TYPES[kind])) for name, kind in types]


_REQUEST, _CANDIDATE, _CHOICE, _EVENT = (
    _build_fields(table, getattr(FIELDS, table)) for table in ("request", "candidate", "choice", "event")
)

TABLE: Final = pa.schema(
    [
        *_REQUEST,
        pa.field("candidates", pa.list_(pa.struct(_CANDIDATE))),
        pa.field("choice", pa.struct(_CHOICE)),
        pa.field("events", pa.list_(pa.struct(_EVENT))),
    ],
    metadata={"schema": SCHEMA},
)


class _AbandonableWriter(pq.ParquetWriter):  # type: ignore[misc]  # pyarrow has no types
    """A writer that does not complete its file when it is dropped in the middle."""

    def __del__(self) -> None:
        self.is_open = False


class ParquetFormatWriter:
    """Writes requests to a file, a batch at a time. Its end is written by `close`, without which it is no file."""

    left_out: Mapping[str, int] = {}
    provenance: None = None

    def __init__(self, file: BinaryIO) -> None:
        self._writer = _AbandonableWriter(file, TABLE, compression="zstd", write_statistics=_STATISTICS_COLUMNS)
        self._rows: list[RawEntry] = []
        self._batches: list[pa.RecordBatch] = []

    def write(self, raw: RawEntry) -> None:
        self._rows.append(raw)
        if len(self._rows) >= _BATCH_SIZE:
            self._pack()
        if len(self._batches) >= _GROUP_SIZE:
            self._flush()

    def close(self) -> None:
        self._pack()
        self._flush()
        self._writer.close()

    def _pack(self) -> None:
        held, self._rows = self._rows, []
        if held:
            self._batches.append(_build_batch(held))

    def _flush(self) -> None:
        batches, self._batches = self._batches, []
        if batches:
            self._writer.write_table(pa.Table.from_batches(batches))


def _build_batch(held: list[RawEntry]) -> pa.RecordBatch:
    nothing = (None,) * len(_CHOICE)
    choices = [raw.choice or nothing for raw in held]
    chosen = pa.StructArray.from_arrays(
        _build_columns(choices, _CHOICE), fields=_CHOICE, mask=pa.array([raw.choice is None for raw in held])
    )
    arrays = _build_columns([raw.request for raw in held], _REQUEST)
    arrays += [_build_lists([raw.candidates for raw in held], _CANDIDATE), chosen]
    arrays += [_build_lists([raw.events for raw in held], _EVENT)]
    return pa.RecordBatch.from_arrays(arrays, schema=TABLE)


def _build_lists(rows: list[list[Row]], fields: list[pa.Field]) -> pa.ListArray:
    offsets = [0]
    for each in rows:
        offsets.append(offsets[-1] + len(each))
    flat = [row for each in rows for row in each]
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.StructArray.from_arrays(_build_columns(flat, fields), fields=fields)
    )


def _build_columns(rows: list[Row], fields: list[pa.Field]) -> list[pa.Array]:
    # strict=False: rows from the database end in their request's id
    columns = list(zip(*rows, strict=False)) if rows else [()] * len(fields)
    return [_build_array(values, field) for values, field in zip(columns, fields, strict=False)]


def _build_array(values: Sequence[Any], field: pa.Field) -> pa.Array:
    if field.name in _TYPED_JSON:
        return pa.array([None if value is None else json.loads(value) for value in values], field.type)
    if pa.types.is_timestamp(field.type):
        return pa.array(values, pa.string()).cast(field.type)
    if pa.types.is_boolean(field.type):  # SQLite has 0 and 1
        return pa.array([None if value is None else bool(value) for value in values], field.type)
    return pa.array(values, field.type)
