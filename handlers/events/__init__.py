"""Events. Called by Bolt, as `handlers/app.py` registers them.

mention         a mention of the bot in a thread
direct_message  a direct message to the bot
home_opened     somebody looks at Home
redelivery      an event is taken, or delivered again by Slack
"""
