// A lattice, in text or binary, read and written again by Kaldi's own functions: kaldi_probe compact|lattice IN text|binary
// OUT. They are those of libkaldi-lat, which the wheel of kaldi-active-grammar 3.2.0 has in it; no headers are needed:
//   unzip kaldi_active_grammar-*.whl; L=$PWD/kaldi_active_grammar.libs; export LD_LIBRARY_PATH=$L
//   g++ -o kaldi_probe kaldi_probe.cpp -Wl,--allow-shlib-undefined $L/libkaldi-lat*.so
#include <fstream>
#include <iostream>
#include <string>
#include <memory>
namespace fst {
template <class T> class LatticeWeightTpl;
template <class W, class I> class CompactLatticeWeightTpl;
template <class W> struct ArcTpl;
template <class A, class M> struct VectorState;
template <class A, class S> class VectorFst;
}
using LA = fst::ArcTpl<fst::LatticeWeightTpl<float>>;
using CA = fst::ArcTpl<fst::CompactLatticeWeightTpl<fst::LatticeWeightTpl<float>, int>>;
using Lattice = fst::VectorFst<LA, fst::VectorState<LA, std::allocator<LA>>>;
using CompactLattice = fst::VectorFst<CA, fst::VectorState<CA, std::allocator<CA>>>;
namespace kaldi {
bool ReadLattice(std::istream &, bool, Lattice **);
bool WriteLattice(std::ostream &, bool, const Lattice &);
bool ReadCompactLattice(std::istream &, bool, CompactLattice **);
bool WriteCompactLattice(std::ostream &, bool, const CompactLattice &);
}
int main(int, char **a) {
  std::string kind = a[1];
  std::ifstream in(a[2], std::ios::binary);
  std::ofstream out(a[4], std::ios::binary);
  bool binary_in = in.peek() == 214, binary_out = std::string(a[3]) == "binary";
  if (kind == "lattice") {
    Lattice *l = nullptr;
    if (!kaldi::ReadLattice(in, binary_in, &l)) return 1;
    return kaldi::WriteLattice(out, binary_out, *l) ? 0 : 2;
  }
  CompactLattice *l = nullptr;
  if (!kaldi::ReadCompactLattice(in, binary_in, &l)) return 1;
  return kaldi::WriteCompactLattice(out, binary_out, *l) ? 0 : 2;
}
