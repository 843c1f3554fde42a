"""Records through a command: read, solved in batches, reported in order, in one process or several.

jobs         several processes
report       records, outcomes, what a report is
run          read, solve in batches, report in order
run_options  keep going, colour, processes, JSON
"""
