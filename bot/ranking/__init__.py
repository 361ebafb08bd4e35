"""Which reply is likely to be picked, learned from choices and corrected for position and person.

policies   how an order is drawn from scores, with the exact probability of what was drawn
"""
