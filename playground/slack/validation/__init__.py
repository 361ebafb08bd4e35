"""Slack's rules on what an app may send. Web API methods, response URLs and acknowledgements call it.

json_shapes      composable checks on JSON: strings, arrays, objects, tagged unions
block_kit        the catalogue of blocks, elements and views, as such checks
validators       find the errors in blocks and views; limits of lengths
message_content  parse the text and blocks of a message that the app sends
"""
