"""Which reply is likely to be picked, learned from choices and corrected for position and person.

displays   a choice set ready for learning, made from a log entry; why an entry is left out
features   what is measured of a text, beside its conversation
design     displays as arrays: sparse columns, ragged sets
logit      the conditional logit with an outside option: likelihood, curvature, fit, prediction
model      `Ranker`: a fitted, versioned value; `fit`
predicting what a ranker says of displays: scores, probabilities of each choice and of none
clusters   means with errors clustered by agent
estimates  effects with a clustered covariance, for contrasts
evaluation held out by person and by time: likelihoods, ranks, calibration, off-policy worth
gain       is it better than knowing positions only? Cross-validated, clustered by agent
offpolicy  what another policy would have been worth, from logged propensities
gate       whether what was learned is proven enough to be shown
refitting  one refit, from the log to a ranker and its verdict
learning   when a refit is due, by one replica at a time, and what becomes of it
ordering   the order in a running bot, by the ranker that is shown
policies   how an order is drawn from scores, with the exact probability of what was drawn

NumPy and SciPy take a while to import: callers import these modules when they need them, off the event loop.
"""
