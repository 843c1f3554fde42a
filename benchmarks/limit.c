/* float64 reference and hand-written floor for layered / topologically numbered graphs.
   Arcs sorted by src, src < dst for every arc. Costs: lower is better.  gcc -O3 -march=native -shared -fPIC */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>

/* best cost from start to a final; bp = best incoming arc per state (push over sorted arcs) */
double ref_viterbi(int64_t n, int64_t m, const int32_t *src, const int32_t *dst, const double *w, int64_t start,
                   int64_t nf, const int64_t *fin, const double *fw, int32_t *path, int64_t *plen) {
  double *b = malloc(n * sizeof *b); int32_t *bp = malloc(n * sizeof *bp);
  for (int64_t i = 0; i < n; i++) { b[i] = INFINITY; bp[i] = -1; }
  b[start] = 0;
  for (int64_t a = 0; a < m; a++) { double c = b[src[a]] + w[a]; if (c < b[dst[a]]) { b[dst[a]] = c; bp[dst[a]] = (int32_t)a; } }
  double best = INFINITY; int64_t s = -1;
  for (int64_t i = 0; i < nf; i++) if (b[fin[i]] + fw[i] < best) { best = b[fin[i]] + fw[i]; s = fin[i]; }
  int64_t k = 0;
  while (s >= 0 && bp[s] >= 0) { path[k++] = bp[s]; s = src[bp[s]]; }
  for (int64_t i = 0; i < k / 2; i++) { int32_t t = path[i]; path[i] = path[k - 1 - i]; path[k - 1 - i] = t; }
  *plen = k; free(b); free(bp); return best;
}

/* in-arc CSR by dst: inoff[n+1], inarc[m] */
void ref_csr(int64_t n, int64_t m, const int32_t *dst, int64_t *inoff, int32_t *inarc) {
  memset(inoff, 0, (n + 1) * sizeof *inoff);
  for (int64_t a = 0; a < m; a++) inoff[dst[a] + 1]++;
  for (int64_t i = 0; i < n; i++) inoff[i + 1] += inoff[i];
  int64_t *p = malloc(n * sizeof *p); memcpy(p, inoff, n * sizeof *p);
  for (int64_t a = 0; a < m; a++) inarc[p[dst[a]]++] = (int32_t)a;
  free(p);
}

/* alpha as log-probability of scores (-cost); returns -log total, i.e. the free energy */
double ref_forward(int64_t n, int64_t m, const int32_t *src, const double *w, const int64_t *inoff, const int32_t *inarc, int64_t start,
                   int64_t nf, const int64_t *fin, const double *fw, double *alpha) {
  for (int64_t s = 0; s < n; s++) {
    double mx = s == start ? 0 : -INFINITY;
    for (int64_t k = inoff[s]; k < inoff[s + 1]; k++) { int32_t a = inarc[k]; double v = alpha[src[a]] - w[a]; if (v > mx) mx = v; }
    if (mx == -INFINITY) { alpha[s] = mx; continue; }
    double t = s == start ? exp(0 - mx) : 0;
    for (int64_t k = inoff[s]; k < inoff[s + 1]; k++) { int32_t a = inarc[k]; t += exp(alpha[src[a]] - w[a] - mx); }
    alpha[s] = mx + log(t);
  }
  double mx = -INFINITY, t = 0;
  for (int64_t i = 0; i < nf; i++) if (alpha[fin[i]] - fw[i] > mx) mx = alpha[fin[i]] - fw[i];
  for (int64_t i = 0; i < nf; i++) t += exp(alpha[fin[i]] - fw[i] - mx);
  return -(mx + log(t));
}

/* gradient of the free energy wrt every arc energy = arc posterior */
void ref_backward(int64_t n, int64_t m, const int32_t *src, const double *w, const int64_t *inoff, const int32_t *inarc,
                  int64_t nf, const int64_t *fin, const double *fw, const double *alpha, double F, double *grad) {
  double *g = calloc(n, sizeof *g);
  for (int64_t i = 0; i < nf; i++) if (alpha[fin[i]] > -INFINITY) g[fin[i]] += exp(alpha[fin[i]] - fw[i] + F);
  for (int64_t s = n - 1; s >= 0; s--)
    for (int64_t k = inoff[s]; k < inoff[s + 1]; k++) {
      int32_t a = inarc[k];
      if (g[s] == 0) { grad[a] = 0; continue; }
      double p = g[s] * exp(alpha[src[a]] - w[a] - alpha[s]);
      grad[a] = p; g[src[a]] += p;
    }
  free(g);
}
