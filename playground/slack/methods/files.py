"""files.*: the external upload in its three steps; the middle one, the upload itself, is the server's."""

from dataclasses import replace

from playground.slack.errors import SlackError
from playground.slack.methods.call import MethodCall, find_visible_channel, require_member
from playground.slack.methods.chat import join_thread
from playground.slack.objects import Json, Message, Upload
from playground.slack.people.directory import BOT_ID
from playground.slack.state import State
from playground.slack.validation.message_content import decode_json


def get_upload_url(state: State, call: MethodCall) -> Json:
    length = str(call.require("length"))
    if not length.isdigit() or int(length) == 0:
        raise SlackError.from_reasons(
            "invalid_arguments", ["[ERROR] must be a positive integer [json-pointer:/length]"]
        )
    upload = Upload(id=state.new_id("F"), filename=str(call.require("filename")), length=int(length))
    state.uploads[upload.id] = upload
    return {"ok": True, "upload_url": f"{state.base_url}/upload/{upload.id}", "file_id": upload.id}


def complete_upload(state: State, call: MethodCall) -> Json:
    files = [_finish(state, file) for file in decode_json(call.args, "files", "invalid_arguments") or ()]
    if not files:
        raise SlackError.from_reasons("invalid_arguments", ["[ERROR] missing required field: files"])
    shown = tuple(file_to_json(file) for file in files)
    for channel_id in _list_channel_ids(call):
        _share(state, call, channel_id, shown)
    return {"ok": True, "files": list(shown)}


def file_to_json(upload: Upload) -> Json:
    return {
        "id": upload.id,
        "name": upload.filename,
        "title": upload.title or upload.filename,
        "size": upload.length,
        "mode": "hosted",
    }


def _finish(state: State, file: Json) -> Upload:
    upload = state.uploads.get(str(file.get("id")))
    if upload is None or upload.content is None:
        raise SlackError("file_not_found")
    state.uploads[upload.id] = replace(upload, title=str(file.get("title") or ""))
    return state.uploads[upload.id]


def _list_channel_ids(call: MethodCall) -> list[str]:
    named = [call.args.get("channel_id") or "", *str(call.args.get("channels") or "").split(",")]
    return [channel_id for channel_id in named if channel_id]


def _share(state: State, call: MethodCall, channel_id: str, files: tuple[Json, ...]) -> None:
    channel = find_visible_channel(state, call, channel_id)
    require_member(call, channel)
    state.put_message(
        Message(
            ts=state.clock.ts(),
            channel_id=channel.id,
            user_id=call.token.user_id,
            text=str(call.args.get("initial_comment") or ""),
            thread_ts=join_thread(state, channel, call.args.get("thread_ts")),
            bot_id=BOT_ID,
            files=files,
        )
    )
