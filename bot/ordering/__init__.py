"""Orders drawn at random, with their exact probabilities. Called by the use cases and by `ranking`.

shuffle          styles drawn for K drafts, uniform orders, positions drawn before drafting
policies         uniform and Plackett-Luce policies: draws and propensities
learned          the order in a running bot, by the ranker that is shown
near_duplicates  tokens of any script, and candidates that repeat another
"""
