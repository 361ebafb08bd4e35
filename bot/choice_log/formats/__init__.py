"""Export formats. Called through `registry`.

registry       the formats by name, each as a writer onto a file
parquet        requests as typed rows
preferences    preference pairs (TRL, OpenAI), labels (KTO), conversations (SFT)
vowpal_wabbit  one decision an example, with its probability
"""
