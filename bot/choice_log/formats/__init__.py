"""Export formats. Called through `registry`.

registry       the formats by name, each as a writer onto a file
json_lines     requests as lines of JSON: the choice log itself
csv            candidates as rows of CSV
cells          one column's values as text; for `json_lines` and `csv`
parquet        requests as typed rows
preferences    preference pairs (TRL, OpenAI), labels (KTO), conversations (SFT)
vowpal_wabbit  one decision an example, with its probability
"""
