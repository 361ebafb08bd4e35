"""Statistics of clustered choices, on arrays: knows no records. Called by `ranking` and `reporting`.

cluster_intervals  shares, means and differences with 95% intervals, clustered by agent
folds              folds for cross-validation that keep clusters whole
"""
