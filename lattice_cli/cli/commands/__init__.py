"""One module a command: it reads, calls the engine, and writes.

bound           the bound command
compose         the compose command
convert         the convert command
draw            the draw command
evaluate        the evaluate command
forward         the forward command
grammar         the grammar command
grammar_neural  grammar neural: a network learned from text
loss            the loss command
prune           the prune command
recognize       the recognize command
sample          the sample command
show            the show command
train           the train command
viterbi         the viterbi command
"""
