"""Quality of replies, learned from choices and corrected for position and person. Called by `cli` and `ordering`.

choice_sets          choice sets made from log entries, and the reasons why entries are left out
clusters             clusters of choice sets: by agent, or by agent and day
features             features of a text, beside its conversation
design               choice sets as arrays: sparse columns, ragged sets
habits               what an agent's earlier choices tell of the next one, kept out of quality
logit                the conditional logit with an outside option: likelihood, curvature, fit, prediction
model                `Ranker`: a fitted, versioned value; `fit_ranker`
prediction           scores of choice sets, probabilities of each choice and of none
scoring              a choice log written again, with predictions
estimates            effects with a clustered covariance
contrasts            which style, model or prompt wins
evaluation           held out by person and by time: likelihoods, ranks, calibration, off-policy worth
forward              each choice predicted from those before it, at a rate of forgetting that is learned
off_policy           off-policy worth of other orders, from logged propensities
promotion            the decision, on sequential evidence, if a ranker orders replies
refit                one refit, from the log to a ranker and its verdict
rollback             a person's decision which ranker orders replies
training             refits on a schedule, by one replica at a time
rank_report          numbers and words of `suggest rank report`

NumPy and SciPy take a while to import: callers import these modules when they need them, off the event loop.
"""
