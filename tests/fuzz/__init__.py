"""Commands given files that are damaged at random: whatever they are given, they end with a message and a status.

mutations  bytes, lines, numbers, trees and arrays, changed
seeds      sound files of every form, to begin with
cases      a command, its options and its files, drawn from a seed
running    cases run in processes that may be lost, and what was wrong with them

    python -m tests.fuzz --cases 200000 --seed 1 --seed 2
"""
