"""Quality of replies, learned from choices and corrected for position and person.

choice_sets          choice sets ready for learning, made from log entries; why an entry is left out
features             features of a text, beside its conversation
design               choice sets as arrays: sparse columns, ragged sets
logit                the conditional logit with an outside option: likelihood, curvature, fit, prediction
model                `Ranker`: a fitted, versioned value; `fit`
prediction           scores of choice sets, probabilities of each choice and of none
estimates            effects with a clustered covariance
contrasts            which style, model or prompt wins
evaluation           held out by person and by time: likelihoods, ranks, calibration, off-policy worth
log_likelihood_gain  gain over positions alone, cross-validated, clustered by agent
off_policy           worth of other policies, from logged propensities
promotion            whether what was learned is proven enough to order replies
refit                one refit, from the log to a ranker and its verdict
training             when a refit is due, by one replica at a time, and what becomes of it
rank_report          numbers of `suggest rank report`

NumPy and SciPy take a while to import: callers import these modules when they need them, off the event loop.
"""
