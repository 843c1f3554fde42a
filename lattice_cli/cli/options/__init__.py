"""What can be said on the command line, in groups that reach a command as one parameter each.

answers         how many answers, beams, language models, hot words
grammar_ending  how a built grammar ends: union, closure, -o
groups          options that reach a command as one parameter
shared          options that commands share
"""
