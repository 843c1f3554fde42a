// Loads a graph in GTN's text form and prints: nodes, arcs, Viterbi score, forward score. With a second file it saves
// the graph as GTN writes it. tests/test_other_systems.py runs it where LATTICE_GTN_PROBE names the program.
//
// GTN is built from its repository, in whose root this file is compiled:
//   g++ -O1 -std=c++17 -I. $(find gtn -name '*.cpp' ! -path 'gtn/cuda/functions.cpp') gtn_probe.cpp -lpthread -o gtn_probe
#include <iomanip>
#include <iostream>
#include <string>

#include "gtn/gtn.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  gtn::Graph graph = gtn::loadTxt(std::string(argv[1]));
  float best = gtn::viterbiScore(graph).item(), all = gtn::forwardScore(graph).item();
  std::cout << graph.numNodes() << " " << graph.numArcs() << " " << std::setprecision(9) << best << " " << all << "\n";
  if (argc > 2) gtn::saveTxt(std::string(argv[2]), graph);
}
