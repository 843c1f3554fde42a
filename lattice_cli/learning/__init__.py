"""Training through the graph: recognisers, losses, grammars that learn, optimisers, and the loop over them.

losses/        what is minimised
recognizers/   from inputs (rows, strips of images, segments, named scores) to the energies of
               arcs, and back
modules/       networks of PyTorch, and its optimisers
networks/      differentiable functions with backward passes by hand
segmentation/  images of characters cut into segments
grammars/      grammars that learn
chains/        states that follow one another, with costs
optimizers/    steps on one vector of weights
training/      from a configuration to a trained model
tuning/        scales with the fewest errors, by line searches over all paths
variational/   bounds on the log loss, minimised
"""
