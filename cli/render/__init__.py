"""The only rendering of what commands return. Called by `cli/commands/` only.

output          prints a result as text or JSON, as --json chooses; writes pages
text            for a terminal
json            for programs: the fields of a result
html            pages without script
printable       texts that are shown, and never obeyed
headlines       the three sentences that `report` opens with
rank_headlines  the same of `rank report`
progress        how far long work is, on a terminal
numbers         numbers, rates and notes in words, for `report`
contrast_words  comparisons of styles, models and prompts in words, for `rank report`
"""
