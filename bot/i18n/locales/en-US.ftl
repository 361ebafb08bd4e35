# Every word that an agent reads in Slack. A language is a copy of this file under its locale's name, translated.
# Lengths: button-* 75 characters, modal-title, modal-submit, modal-close 24, reason-* 75, placeholders 150.

# Between the things of a list, and between a name and its value.
list-comma = {", "}
colon = {": "}

on-their-way = { $count ->
    [one] A private reply is on its way.
   *[other] { $count } private replies are on their way.
}

usage =
    {"*"}Draft replies to a customer's message, privately.*
    • `/suggest the customer's message`: candidate replies, visible only to you
    • `/suggest the customer's message // shorter, offer a refund`: with a hint for how to write them
    • `/suggest last`: your last open request again
    • ⋮ on a customer's message, *Suggest replies*: for that message or its thread
    • In a thread, under the customer's message: mention me
    • In a direct message to me: the customer's message
    • ⚡ beside the message field, *Suggest replies*: for a message that you paste
    • For admins: `/suggest pause` and `/suggest resume` stop and start drafting, `/suggest export` sends the choice log as a file
    • `/suggest help`: this text

export-title = Export the choice log
export-submit = Export
export-what = This workspace's requests with their replies and choices, including what customers and agents wrote. The file comes to you as a direct message, and the log records that you exported it.
export-range = Which requests
export-range-7 = The last 7 days
export-range-30 = The last 30 days
export-range-90 = The last 90 days
export-range-365 = The last 365 days
export-range-all = All
export-form = Format
export-form-csv = CSV, for spreadsheets
export-form-jsonl = JSON Lines, everything
export-form-parquet = Parquet, typed
export-form-trl = Preference pairs (TRL)
export-form-kto = Labelled replies (KTO)
export-form-openai = Preference pairs (OpenAI)
export-form-sft = Conversations (SFT)
export-form-vw = Vowpal Wabbit
export-names = People and channels
export-names-ids = Slack's ids
export-names-pseudonyms = Pseudonyms
export-begun = The file is being written. It will come to you as a direct message.
export-comment = { $count ->
    [one] The choice log you asked for: one request.
   *[other] The choice log you asked for: { $count } requests.
}
export-done = { $count ->
    [one] The export is done: one request. The file is in your direct messages with this bot.
   *[other] The export is done: { $count } requests. The file is in your direct messages with this bot.
}
export-nothing = There is nothing to export: no request was made in this time. Type `/suggest export` again and choose a longer one.
export-empty = { $count ->
    [one] The one request of this time has nothing to export in this format. Type `/suggest export` again and choose CSV or JSON Lines.
   *[other] None of the { $count } requests of this time has anything to export in this format. Type `/suggest export` again and choose CSV or JSON Lines.
}
export-busy = An export is already being written. Please try again when it is done.
export-too-large = The export is larger than the 1 GB that Slack takes. Choose a shorter time, or ask whoever runs the bot to run `suggest export` on the server.
export-failed = The export could not be written, and nothing was sent. Please try again; if it happens again, tell whoever runs the bot: the log says why.
export-missing-scope = The export could not be sent: the bot lacks the scope `files:write` or `im:write`. Ask whoever runs it to add the scope and install the app again.
export-dm-closed = The export could not be sent: Slack does not let the bot write direct messages to you. Open a direct message with it, and type `/suggest export` again.
export-not-uploaded = The export was written, but Slack did not take the file, so it was deleted again. Please try again in a minute.
export-not-opened = Slack did not open the window for the export. Please type `/suggest export` again.
pause-done = Drafting is paused everywhere. `/suggest resume` starts it again; replies already shown can still be used.
pause-was = Drafting is already paused. `/suggest resume` starts it again.
resume-done = Drafting is on again.
resume-was = Drafting was already on.
paused = An admin has paused this bot, so no replies are drafted for now. Please try again later, or ask a workspace admin.
not-allowed = Only admins may do that. Ask { $who }.
helpers-named = { $names } or an admin of this workspace
helpers-admins = an admin of this workspace
barred-guest = Guests cannot use this bot: it is for the members of this workspace. Ask { $who } to do it for you.
barred-stranger = Only members of the workspace that this bot belongs to can use it.
barred-deactivated = This account is deactivated, so it cannot use this bot.
barred-usergroup = Only some user groups may use this bot, and you are in none of them. Ask { $who } to add you.
barred-unknown = Slack did not say whether you may use this bot. Please try again in a minute; if it happens again, ask { $who }.
barred-scope = Only some user groups may use this bot, and this bot lacks permission to read who is in them. Ask { $who } to add the scope `usergroups:read` and install the app again.
barred-place = This bot cannot be used in this channel. Nothing was changed. Ask { $who } where it can be used, or to allow it here.
barred-title = Not available
still-drafting = Your replies are still being drafted. Type `/suggest last` again in a moment.
no-open-request = You have no open request from the last 24 hours. Type `/suggest` and the customer's message to get replies.

colleague-is-at-it = { $who } asked for replies to the same message a moment ago and has not decided yet. Please agree on who answers.
colleague-came = { $who } has just asked for replies to the same message, too. Please agree on who answers.

stale = { $newer ->
    [one] There is one new message in this thread since the reply was drafted. Please read it before you send.
   *[other] There are { $newer } new messages in this thread since the reply was drafted. Please read them before you send.
}
unchecked = Slack could not say whether there are newer messages in this thread. Please check before you send.

for-message = For: { $message }
with-hint = Hint: { $hint }
reply-label = Reply { $position } · { $style }
cut-off = Cut off at the model's length limit
reply-cut = { $left ->
    [one] One more character is not shown here. Show all opens the whole reply, and Use sends it.
   *[other] { $left } more characters are not shown here. Show all opens the whole reply, and Use sends it.
}
unfilled = Before you send, replace { $placeholders }: this bot does not know what belongs there.
source-list = { $count ->
    [one] Source:
   *[other] Sources:
}
source-none = No source
source-internal = internal
source-earlier = Earlier reply
source-used = { $count ->
    [one] used once before
   *[other] used { $count } times before
}
source-more = and { $count } more
source-title = Sources
source-gone = This source has been removed since the reply was drafted.
source-changed = This source has changed since the reply was drafted. It now says:
source-cut = The rest is not shown here.
source-forgotten = The sources of this reply have expired.
source-not-opened = Slack did not open the sources. Please press Show source again.
confirm-title = Internal source
confirm-text = This reply uses something that is meant for your team only. Read it through, and make sure that it gives nothing confidential away.
confirm-yes = Continue
only-you = Only you can see this. Written by an AI model: read before you send.
demonstration = No model is configured: these are sample replies.
candidates-fallback = { $count ->
    [one] A private reply
   *[other] { $count } private replies
}
place = Reply { $position }
drafting = Drafting…
place-failed = Reply { $position } · not drafted: { $reason }
place-below = Reply { $position } · { $style } · too long to show here: see the message below
board-moved = Slack could not show the replies here. They follow in separate messages.
board-not-taken = Slack could not show the replies here. Type `/suggest last` to see them.
place-hidden = Reply { $position } · hidden: nearly the same as another
in-thread = For <{ $link }|this conversation>
drafts-failed = { $failed } of { $count } drafts failed: { $reasons }
drafts-hidden = { $hidden ->
    [one] 1 near-identical draft hidden
   *[other] { $hidden } near-identical drafts hidden
}

button-use = Use
button-edit = Edit
button-expand = Show all
button-source = Show source
button-copy = Copy
button-translate = Translate for me
button-redraft = More like these
button-dismiss = None of these
button-anyway = Use anyway
button-anew = Draft new replies
button-undo = Undo
button-again = Try again
button-post = Post
label-use = Use reply { $position }
label-edit = Edit reply { $position }
label-expand = Show all of reply { $position }
label-source = Show the source of reply { $position }
label-copy = Copy reply { $position }
label-translate = Translate reply { $position } for me

steer-shorter = Shorter
steer-warmer = Warmer
steer-more_formal = More formal
steer-other_language = In another language
steer-more_like_this = More like this one
steered = Made from one reply: { $change }
language-customers = The customer's language
language-title = Another language
language-submit = Draft
language-label = Language

modal-replies-title = Suggested replies
paste-message = The customer's message
paste-hint = A hint for how to write
paste-submit = Draft replies
modal-title = Edit reply
modal-submit = Send
modal-submit-copy = Done
modal-close = Cancel
whole-title = Reply { $position }
whole-not-opened = Slack did not open the reply. Please press Show all again.
copy-not-opened = Slack did not open the text. Please press Copy again.
copy-where = Select all of it and copy it. Nothing is sent from here, and changes are not kept.
translation-title = Translation
translating = Translating…
translation-what = For reading only: this is never sent. An AI model translated it, so check what matters.
translation-of = The reply as it is:
translation-failed = This reply was not translated: { $reason }. { $what_to_do }
translation-not-shown = Slack did not show the translation. Please press Translate for me again.
modal-copy-title = Copy reply
modal-copy-close = Close
modal-input = Reply
modal-where = Sent to the conversation as soon as you press Send.
modal-submit-anyway = Send anyway
modal-where-anyway = Send anyway sends your text as it is. To have new replies drafted instead, press Cancel.
modal-where-copy = Shown to you to copy as soon as you press Done.
modal-not-opened = Slack did not open the window in time, so the replies are here.
paste-not-opened = Slack did not open the window in time. Please choose the shortcut again.
nothing-said = That message has no text to reply to, so nothing was drafted.
mention-outside = Mention me in a thread, below the customer's message: I read the thread and suggest replies that only you see. Outside threads, type `/suggest` and the customer's message, or use the message's menu.
greeting-direct = Hello! I draft replies for you to choose from. An AI model writes them, and it can be wrong: read before you send.
prompts-title = What would you like to do?
prompt-example = Draft replies to an example
prompt-message-example = Hello, I ordered a lamp ten days ago, and it has not arrived. Where is it? // apologise, be brief
prompt-help = How does this work?
prompt-message-help = help
usage-direct =
    {"*"}Send me a customer's message, and I draft replies to it, in its thread.*
    Put a hint for how to write after two slashes: `Where is my order? // shorter, offer a refund`. Replies that you use here are not posted anywhere: copy them from here.
thread-missing_scope = Only this message was read: this bot lacks permission to read conversations here. Whoever runs it can add the missing scopes (channels:history, groups:history) and install the app again.
thread-no_member = Only this message was read, not the thread around it: this bot is not a member of this channel. `/invite` it, and it can read the whole thread.
thread-unreadable = Only this message was read: Slack did not hand over the thread around it.
unread-missing_scope = Nothing was drafted: this bot lacks permission to read conversations here. Whoever runs it can add the missing scopes (`channels:history`, `groups:history`) and install the app again.
unread-no_member = Nothing was drafted: this bot is not a member of this channel, so it cannot read the thread. `/invite` it, then mention it again.
unread-unreadable = Nothing was drafted: Slack did not hand over the thread. Please mention me again in a minute.
thread-partial = Slack handed over only a part of this thread, so its newest messages may be missing here. Read the thread before you send a reply.
thread-headings = Of some messages here, I could read only a heading or the names of files. Read the thread before you send a reply.
unread-partial = Nothing was drafted: Slack handed over only a part of this thread, and none of it was written by the customer. Please try again in a minute.
unread-headings = Nothing was drafted: I could read only a heading, the names of files or a note there, and not what the customer wrote. Copy the customer's words, and send them to me with `/suggest`.
editor-not-opened = Slack did not open the editor. Please press Edit again.
languages-not-opened = Slack did not open the choice of languages. Please choose it again.
too-long-to-edit = This reply is too long to edit here. Copy it, edit it where you like, and send it yourself.

posted = ✓ Sent in <#{ $channel }>: “{ $text }”
posted-edited = ✓ Sent with your edit in <#{ $channel }>: “{ $text }”
posted-link = <{ $link }|Show the message>
to-copy = Your reply, to copy:
not-posted = Slack does not let this bot post in that conversation, so the reply was not posted. Copy it from here, or ask a member to invite the bot:
drafting-interrupted = The bot's database cannot save anything at the moment. Your replies will come when it is back.
not-posted-archived = This channel is archived, so the reply was not posted. Copy it from here:
delivery-interrupted = Your choice was saved, but then the bot's database stopped working. Look in the conversation: if the reply is missing there, it will be posted when the database is back.
may-be-posted = Slack did not confirm that this reply was posted: this may have been posted already. Look in the conversation, and press Post if it is missing.
dismissed = None of these: noted. If you like, say why:
reason-placeholder = Why not?
reason-noted = Thank you. Your reason is noted.
undone = Undone. Choose again:
no-text-kept = These replies have expired. Type `/suggest` and the customer's message to get new ones.
undone-not-deleted = Undone, but the reply may still stand in the conversation: please delete it there. Choose again:

reason-irrelevant = Not relevant
reason-incorrect = Something is wrong
reason-wrong_tone = Wrong tone
reason-wrong_language = Wrong language
reason-ignored_instructions = Ignored the hint
reason-confidential = Says something confidential
reason-needs_action_first = Something must be done first
reason-other = Another reason
note-not-opened = Slack did not open the field for your words. “Another reason” is noted without them.

all-failed = { $kind ->
    [silent] The AI model is not answering
   *[useless] The AI model gave no reply that could be used
} ({ $reasons }). Nothing was sent. { $what_to_do } (Reference: { $reference })
what-to-do-wait = Please try again in a moment.
what-to-do-operator = Please tell whoever runs this bot.
error-rate_limited = rate limited
error-timed_out = timed out
error-refused = request refused
error-server_error = server error
error-unreachable = cannot be reached
error-invalid_output = unusable answer
error-empty = empty answer
error-cancelled = cancelled
error-spent = it used up its budget thinking
error-too_long = too long for this model

too-long = That message has { $length } characters; the limit is { $limit }. Nothing was drafted. Please shorten it and try again.
limit-agent_per_minute = { $seconds ->
    [one] You have asked for many replies in the last minute. Please try again in 1 second.
   *[other] You have asked for many replies in the last minute. Please try again in { $seconds } seconds.
}
limit-queue = { $seconds ->
    [one] Busy: many replies are being drafted right now. Nothing was recorded; please try again in 1 second.
   *[other] Busy: many replies are being drafted right now. Nothing was recorded; please try again in { $seconds } seconds.
}
limit-tokens_per_day = Today's budget for the AI model is used up. It starts again in { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}; whoever runs this bot can raise it.
not-recorded = Nothing was recorded and nothing was sent: the bot's database is not working. Please try again in a moment.
not-yours = Only the person who asked for these replies can use them. Type `/suggest` to get your own.
unknown-request = These replies can no longer be found. Type `/suggest` and the customer's message to get new ones.
not-open = This request is closed already. Nothing was changed.
nothing-to-undo = There is nothing to undo: no choice has been made yet.
still-posting = The reply is being posted right now. Please press Undo again in a few seconds.
empty-reply = Please write a reply first: there is nothing to send.
malformed = Slack sent something that this bot does not understand. Nothing was changed.
unexpected = Something went wrong in this bot. Please try again; if it happens again, give whoever runs it the reference { $reference }.

language-name = English
home-greeting =
    {"*"}Draft replies to a customer's message, and choose one. Only you see them.*
    • In a channel: `/suggest the customer's message`
    • In a thread: *Suggest replies* in the menu of the customer's message, or mention me
    • Under Messages here: send or forward me the customer's message
    • Anywhere: the shortcut *Suggest replies* beside the message field
home-open = Waiting for your choice
home-none-open = No replies from the last 24 hours are waiting for your choice.
home-used = Recently used
home-none-used = You have not used a reply in the last few weeks. Replies that you use are listed here.
home-no-text = The text is no longer kept here.
home-figures = You, in the last { $days } days
home-share = A reply was used { $accepted } of the { $shown } times that replies were shown: { $share } (95% interval: { $low } to { $high }).
home-few-figures = A reply was used { $accepted } of the { $shown } times that replies were shown. That is too few to work out a reliable share.
home-no-figures = No replies were shown in this time.
home-gaps = Asked, but nothing found
home-gap = “{ $question }” — { $count ->
    [one] once
   *[other] { $count } times
}
home-channels = Defaults for channels
home-more-channels = { $count ->
    [one] 1 more channel has defaults.
   *[other] { $count } more channels have defaults.
}
button-change-channel = Change
button-new-channel = Set defaults for a channel
channel-title = Defaults for a channel
channel-channel = Channel
channel-what = These apply from the next request in this channel, to everyone who has set nothing of their own. To remove them, choose the default everywhere.
home-settings = Your settings
home-team = The team, in the last { $days } days
home-drafting = Drafting is on.
home-paused = Drafting is paused everywhere: nobody gets new replies.
home-experiment = An experiment is running: { $name }
home-unavailable = The bot's database is not answering, so there is nothing to show right now. Please open Home again in a minute.
button-show-request = Show the replies
button-open-settings = Change settings
button-pause-drafting = Pause drafting
button-resume-drafting = Resume drafting
settings-title = Your settings
settings-submit = Save
settings-candidates = Replies per request
settings-language = Language of this bot
settings-on_use = When I press Use
settings-styles = Styles to draft in
settings-hint = Hint to use when I give none
settings-default = Default ({ $value })
settings-as-in-slack = As in Slack
settings-no-hint = none
settings-all-on = all on
settings-styles-off = off: { $styles }
settings-what = These settings are yours alone, and apply from your next request.
settings-no-style = Please leave at least one style on: replies are drafted in these. Nothing was saved.
settings-not-opened = Slack did not open the settings in time. Please press the button again.
on-use-post = post the reply
on-use-copy = show it for me to copy

# A direct message to admins.
experiment-stopped = The experiment { $name } was stopped by its guardrail: drafts of its arm { $arm } fail or are dismissed clearly more often than the others. From now on replies are drafted as the settings say. The figures: suggest experiment report { $name }
