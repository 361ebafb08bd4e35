"""Buttons, selects and menus under the candidates. Called by Bolt, as `handlers/app.py` registers them.

use             Use, Use anyway
edit            Edit: opens the editor
expand          Show all, Copy: opens the whole text
translate       Translate for me: opens what a candidate says in the agent's language
source          Show source: opens the passages
redraft         More like these, Try again, Draft new replies, and the menu beside each candidate
dismiss         None of these, and the reason
undo            Undo
home            in Home: an open request again, the settings, pausing
post_again      Post, for a reply that Slack did not confirm
click_listener  what clicks have in common: a listener made of a step, and answers to whoever clicked
"""
