"""One module a command: it reads, calls the engine, and writes.

bound           bounds on free energies
completion      what shells source to complete names and files
compose         interpretation graphs
convert         graphs from one form to another
draw            pictures of graphs
evaluate        answers against references
forward         free energies, posteriors, gradients by arc
grammar         builds grammars of all kinds
grammar_neural  grammar neural: a network learned from text
help            commands and topics, or the help of one
lagrangian      chains of states with costs, and their multipliers
loss            losses and their gradients
prune           smaller graphs, with a guarantee
recognize       a trained model and inputs: recognition graphs
sample          paths drawn at random
samples         the files that examples name
score           how likely a text is under a model
show            what is in a file, and is it sound
train           learns a recogniser and a grammar
tune            the scales of named scores with the fewest word errors
viterbi         best paths and answers
"""
