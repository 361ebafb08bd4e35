"""Orders drawn by chance, with their exact probabilities. Called by the use cases.

shuffle   styles drawn for K drafts, uniform orders, near-duplicates
policies  uniform and Plackett-Luce policies: draws and propensities
learned   the order in a running bot, by the ranker that is shown
"""
