"""Events. Called by Bolt, as `handlers/app.py` registers them.

mention         a mention of the bot in a thread
direct_message  a direct message to the bot
home_opened     somebody opens the app, on Home or on the messages
redelivery      an event is taken, or delivered again by Slack
"""
