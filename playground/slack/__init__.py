"""A Slack workspace on loopback. Tests, benchmarks and the page use `workspace`; the rest is its inside.

workspace        `Workspace`: start it, do what people do, read and wait for what the app does
config           the installed app, as its manifest declares it
people/          who is there, their channels, and what they do with buttons and inputs
methods/         the Web API's methods, one module a family
http/            the HTTP side that the app calls: Web API, response URLs, uploads
dispatch/        what Slack sends to the app: payloads, events, HTTP or Socket Mode, acknowledgements
validation/      Slack's rules on messages, blocks and views
state            all that the workspace holds, and the only place where it changes
view_stack       a person's open modals: open, push, update, close
objects          Slack's objects as frozen records: users, channels, messages, views
serializers      those records as Slack's JSON
mentions         whom a message notifies
change_bus       publish and subscribe for changes of the state
journal          every request and answer between Slack and the app
fault_injection  faults that the next calls meet
clock            the workspace's time, which a test can advance
errors           refusals by Slack, and actions that no person could take
"""
